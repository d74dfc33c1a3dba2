"""Which Chromium, and how it is started: nothing of its own goes to the network."""

import os

CHROMIUM = os.environ.get("TEST_CHROMIUM", "/usr/bin/chromium")
MISSING = (
    f"Chromium is not at {CHROMIUM}; install it with: apt-get install chromium, "
    "or name another one in TEST_CHROMIUM"
)
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]
