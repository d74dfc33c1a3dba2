"""Finds the binaries in our wheels without running the wheels' own code."""

import importlib.util
from importlib.metadata import version
from pathlib import Path

from mailer.development.places import PlaceUnusable

__all__ = ["PLAIN_ENVIRONMENT", "last_line", "site_packages", "version"]

PLAIN_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}
"""Servers get none of our variables: no secrets, and nothing that could redirect them."""


def site_packages(package: str) -> Path:
    """Return the folder that an installed package lies in. Raises PlaceUnusable if it is absent."""
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise PlaceUnusable(f"the package {package} is not installed; run: make install")
    return Path(spec.origin).parent.parent


def last_line(text: str) -> str:
    """Return the last thing that a program said."""
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1].strip() if lines else "it said nothing"
