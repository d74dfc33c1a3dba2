"""The programs to measure beside: where they are, and how they come from Debian's packages.

Packages are downloaded and unpacked into a folder of ours, never installed: nothing on the
machine changes, and no mail or web server starts by itself.
"""

import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1] / ".bench"
"""Where the packages are unpacked; not part of the project."""
PACKAGES = {
    "smtp-sink": ("postfix",),
    "smtp-source": ("postfix",),
    "nginx": ("nginx", "nginx-light"),
    "wrk": ("wrk", "libluajit-5.1-2", "libluajit-5.1-common"),
}
INSTALLED = {"smtp-sink": "postfix", "smtp-source": "postfix", "nginx": "nginx-light", "wrk": "wrk"}
PLACES = ("usr/sbin", "usr/bin")
LIBRARIES = ("usr/lib/postfix", "usr/lib/x86_64-linux-gnu", "usr/lib/aarch64-linux-gnu")


class Missing(Exception):
    """A program to measure beside is not on this machine; the text says what installs it."""

    def __init__(self, program: str) -> None:
        package = INSTALLED[program]
        super().__init__(
            f"{program} is missing; install it with:"
            f" sudo apt-get install --no-install-recommends {package}"
        )


@dataclass(frozen=True)
class Tool:
    """A program and the environment in which it finds its own libraries."""

    path: str
    environment: dict[str, str]


def tool(program: str) -> Tool:
    """Return a program, unpacking its package where that is allowed. Raises Missing."""
    found = _found(program)
    if found is None and may_fetch():
        _fetch(PACKAGES[program])
        found = _found(program)
    if found is None:
        raise Missing(program)
    return Tool(found, _environment())


def may_fetch() -> bool:
    """Say whether packages may be fetched: on a build machine, or as root."""
    return os.environ.get("CI") == "true" or os.geteuid() == 0


def account() -> Sequence[str]:
    """Return the words that keep Postfix's programs from running as root."""
    return ("-u", "nobody") if os.geteuid() == 0 else ()


def _found(program: str) -> str | None:
    own = [FOLDER / place / program for place in PLACES]
    there = next((str(path) for path in own if path.exists()), None)
    on_path = os.environ.get("PATH", os.defpath) + ":/usr/sbin:/sbin"
    return there or shutil.which(program, path=on_path)


def _environment() -> dict[str, str]:
    libraries = ":".join(str(FOLDER / place) for place in LIBRARIES)
    return {**os.environ, "LD_LIBRARY_PATH": f"{libraries}:/usr/lib/postfix"}


@cache
def _fetch(packages: tuple[str, ...]) -> None:
    """Download and unpack packages; what apt says stays silent, and what is missing is noticed."""
    parcels = FOLDER / "packages"
    parcels.mkdir(parents=True, exist_ok=True)
    for package in packages:
        if not _download(package, parcels) and _quietly(["apt-get", "update"], parcels):
            _download(package, parcels)
    for parcel in parcels.glob("*.deb"):
        _quietly(["dpkg", "-x", str(parcel), str(FOLDER)], parcels)
        parcel.unlink()


def _download(package: str, folder: Path) -> bool:
    # apt drops to an account of its own, which cannot write here: it says so and goes on as root.
    return _quietly(["apt-get", "download", package], folder)


def _quietly(words: list[str], folder: Path) -> bool:
    try:
        ran = subprocess.run(words, cwd=folder, capture_output=True, check=False, timeout=300)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return ran.returncode == 0
