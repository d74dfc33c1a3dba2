"""A click, verified and recorded before its answer, beside servers that only redirect.

One server process each; wrk and the server share the machine, and every click comes with the head
of a browser. nginx answers every address alike and reads nothing; the plain route parses its
address and records nothing.
"""

import json
import re
import socket
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import campaign
from bench.pairing import in_turns
from bench.stage import Child, House, Stage, answers, wait_for
from bench.values import CheckFailed, Measure, Reading, Scale, Spec
from bench.yardsticks import Tool, tool
from mailer.development.places import free_port
from mailer.links import Purpose
from mailer.vocabulary import MailingId

CONNECTIONS = 64
TOKENS = 2_000
BROWSER = {
    "User-Agent": "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36"
    " (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
    "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,"
    "image/apng,*/*;q=0.8,application/signed-exchange;v=b3;q=0.7",
    "Accept-Language": "en-US,en;q=0.9",
    "Accept-Encoding": "gzip, deflate, br, zstd",
    "Upgrade-Insecure-Requests": "1",
    "Sec-Fetch-Site": "cross-site",
    "Sec-Fetch-Mode": "navigate",
    "Sec-Fetch-User": "?1",
    "Sec-Fetch-Dest": "document",
    "Connection": "keep-alive",
}
"""What a browser says of itself, to ours and to the others: a person's click, not a tool's."""
SCRIPT = """
local paths = {%s}
local requests = {}
local n = 0
wrk.headers = {%s}
init = function()
  for i, path in ipairs(paths) do requests[i] = wrk.format("GET", path) end
end
request = function() n = n %% #requests + 1; return requests[n] end
done = function(summary, latency)
  io.write(string.format('{"requests": %%d, "us": %%d, "errors": %%d, "p99": %%d}\\n',
    summary.requests, summary.duration, summary.errors.status + summary.errors.connect +
    summary.errors.read + summary.errors.write + summary.errors.timeout, latency:percentile(99)))
end
"""
NGINX = """
daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/errors crit;
events {{ worker_connections 1024; }}
http {{
  access_log off; keepalive_requests 1000000000;
  client_body_temp_path {folder}/a; proxy_temp_path {folder}/b; fastcgi_temp_path {folder}/c;
  uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e;
  server {{ listen 127.0.0.1:{port}; location / {{ return 302 https://www.focalpointsystem.com/; }} }}
}}
"""


@dataclass(frozen=True)
class Load:
    """What wrk saw of one run."""

    requests: int
    per_second: float
    p99_ms: float


def run(stage: Stage, scale: Scale) -> list[Reading]:
    """Load ours and each of the others for the same time with the same addresses."""
    seconds = scale.pick(2, 10)
    with (
        tempfile.TemporaryDirectory(prefix="bench-clicks-") as folder,
        stage.house(crowd=TOKENS) as house,
    ):
        script = Path(folder) / "clicks.lua"
        mailing_id = _a_mailing(house)
        script.write_text(_script(_paths(house, mailing_id)))
        wrk = Wrk(tool("wrk"), script, seconds)
        return _measure(house, mailing_id, wrk, scale.pairs, Path(folder))


class Wrk:
    """The load generator with its addresses."""

    def __init__(self, program: Tool, script: Path, seconds: int) -> None:
        self._program = program
        self._script = script
        self._seconds = seconds

    def load(self, url: str) -> Load:
        """Ask a server as fast as it answers. Raises CheckFailed for any error or other answer."""
        words = [self._program.path, "-t1", f"-c{CONNECTIONS}", f"-d{self._seconds}",
                 "-s", str(self._script), url]  # fmt: skip
        ran = subprocess.run(
            words, env=self._program.environment, capture_output=True, check=True, text=True
        )
        found = re.search(r"^\{.*\}$", ran.stdout, re.MULTILINE)
        said = json.loads(found[0]) if found else {"requests": 0, "errors": 1, "us": 1, "p99": 0}
        if said["errors"] or not said["requests"]:
            raise CheckFailed(f"wrk at {url}: {ran.stdout[-300:]}")
        per_second = said["requests"] / said["us"] * 1e6
        return Load(said["requests"], per_second, said["p99"] / 1000)


def _measure(
    house: House, mailing_id: MailingId, wrk: Wrk, pairs: int, folder: Path
) -> list[Reading]:
    ours, nginx, plain = house.web(), _nginx(house, folder), _plain(house)
    answered: list[int] = []
    slowest: dict[str, list[float]] = {"ours": [], "nginx": [], "plain": []}

    def load(name: str, url: str) -> float:
        loaded = wrk.load(url)
        slowest[name].append(loaded.p99_ms)
        return loaded.per_second

    def load_ours() -> float:
        before = _recorded(house, mailing_id)
        loaded = wrk.load(ours)
        slowest["ours"].append(loaded.p99_ms)
        answered.append(loaded.requests)
        recorded = _recorded(house, mailing_id) - before
        if recorded < loaded.requests:
            raise CheckFailed(f"{loaded.requests} clicks were answered, {recorded} recorded")
        return loaded.per_second

    beside_nginx = in_turns(load_ours, lambda: load("nginx", nginx), pairs=pairs)
    beside_plain = in_turns(load_ours, lambda: load("plain", plain), pairs=pairs)
    checked = "every answered click is a row; no answer but redirects"
    size = sum(answered) // len(answered)
    p99 = {name: sorted(values)[len(values) // 2] for name, values in slowest.items()}
    return [
        Reading(size, pairs, checked, [_said(p99, name)])
        for name, pairs in (("nginx", beside_nginx), ("plain", beside_plain))
    ]


def _said(p99: dict[str, float], name: str) -> str:
    return (
        f"p99 {p99['ours']:.3g} ms, {name} {p99[name]:.3g} ms, with {CONNECTIONS} connections;"
        " the size is the clicks of one run"
    )


def _a_mailing(house: House) -> MailingId:
    """Start a campaign that nobody sends: its targets are what the links lead to."""
    campaign_id = campaign.create(house)
    campaign.start(house, campaign_id)
    mailing_id = campaign.report_of(house, campaign_id).campaign.mailing_id
    if mailing_id is None:
        raise CheckFailed("the campaign never became a mailing")
    return mailing_id


def _script(paths: Sequence[str]) -> str:
    """Return what wrk is to do: ask for each path in turn, as a browser does."""
    headers = ", ".join(f'["{name}"] = "{value}"' for name, value in BROWSER.items())
    return SCRIPT % (", ".join(f'"{path}"' for path in paths), headers)


def _paths(house: House, mailing_id: MailingId) -> list[str]:
    sign = house.parts.links.sign
    people = [row[0] for row in house.rows("SELECT id FROM people_customer ORDER BY id")]
    return [
        f"/c/{sign(Purpose.CLICK, mailing_id, person)}/{person % 12}" for person in people[:TOKENS]
    ]


def _recorded(house: House, mailing_id: MailingId) -> int:
    rows = house.rows("SELECT count(*) FROM measure_click WHERE mailing_id = %s", mailing_id)
    return int(rows[0][0])


def _nginx(house: House, folder: Path) -> str:
    program, port = tool("nginx"), free_port()
    config = folder / "nginx.conf"
    config.write_text(NGINX.format(folder=folder, port=port))
    running = subprocess.Popen(
        [program.path, "-p", str(folder), "-c", str(config), "-e", str(folder / "errors")],
        env=program.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    house.stack.callback(running.wait)
    house.stack.callback(running.terminate)
    url = f"http://127.0.0.1:{port}"
    wait_for(lambda: _listens(port), 10, "nginx")
    return url


def _plain(house: House) -> str:
    port = free_port()
    child: Child = house.child(
        "plain-web", "-m", "uvicorn", "bench.plain.web:app", "--port", str(port),
        "--log-level", "warning", "--no-access-log",
    )  # fmt: skip
    url = f"http://127.0.0.1:{port}"
    wait_for(lambda: answers(f"{url}/healthz"), 30, "the plain web server", child)
    return url


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


CLICKS = Measure(
    "clicks",
    (
        Spec("click: verified, recorded durably, 302", "clicks/s", "nginx `return 302`", 0.15),
        Spec(
            "click: verified, recorded durably, 302, beside FastAPI",
            "clicks/s",
            "a plain FastAPI async route on uvicorn, recording nothing",
            3.0,
        ),
    ),
    run,
)
