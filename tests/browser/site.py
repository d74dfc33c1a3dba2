"""The web door as it runs in production, in a process of its own, at a fixed moment.

Run as `python -m tests.browser.site PORT` with the settings in the environment.
"""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from mailer.settings import read_settings
from preference_center.server import serve
from tests.web.house import NOW

PATIENCE = 30.0


@contextmanager
def running_site(settings: Mapping[str, str]) -> Iterator[str]:
    """Start the web door with these settings and yield its URL; end it with SIGTERM."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    environment = {**os.environ, **settings, "MAILER_PUBLIC_URL": url}
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.browser.site", str(port)],
        env=environment,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        _wait_until_it_answers(process, url)
        yield url
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(PATIENCE)


def free_port() -> int:
    """Return a port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_until_it_answers(process: "subprocess.Popen[bytes]", url: str) -> None:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if process.poll() is not None:
            raise RuntimeError(f"the web door ended with {process.returncode}")
        try:
            with urllib.request.urlopen(f"{url}/healthz", timeout=1):  # noqa: S310 - our own
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    raise RuntimeError("the web door does not answer")


if __name__ == "__main__":
    serve(read_settings(), host="127.0.0.1", port=int(sys.argv[1]), clock=lambda: NOW)
