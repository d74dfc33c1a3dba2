"""What the programs log: lines of JSON, which no other process can break into."""

import json
import socket
import subprocess
import sys

TWO_EVENTS = """
import structlog
from mailer.wiring import log_as_json
log_as_json()
for number in (1, 2):
    structlog.get_logger().info("batch.claimed", batch=number)
"""


def test_each_event_is_one_line_and_one_write() -> None:
    """The processes of a worker share one pipe: of two writes each, lines would run together."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)  # keeps writes apart
    with ours, theirs:
        ours.settimeout(10)
        subprocess.run(
            [sys.executable, "-c", TWO_EVENTS], stdout=theirs.fileno(), check=True, timeout=60
        )
        writes = [ours.recv(65536).decode() for _ in range(2)]
    assert all(each.endswith("\n") and each.count("\n") == 1 for each in writes)
    assert [json.loads(each)["batch"] for each in writes] == [1, 2]
