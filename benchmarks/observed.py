"""What it costs to be watched: a request with traces and bugs sent, against one without."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Final

from benchmarks.device_path import Say
from benchmarks.figures import Figure, compared
from benchmarks.market import Market, opened
from benchmarks.ordinary import Endpoint, Measured, fill, get, one_round

GOAL: Final = "≤ 1.11"  # Of the processor time, so that nine tenths of the requests are answered.
LISTENS: Final = """
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()
    def log_message(self, *_):
        pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
"""


def observed(home: Path, rounds: int, seconds: float, say: Say) -> list[Figure]:
    """A public list and one's own account, asked of an API that nobody watches and of one that is
    watched as it is shipped, in turns.
    """
    with opened(home, "observed") as market, _listening() as port:
        asked = {
            "list": [get("/v1/algorithms")],
            "users_me": [get("/v1/users/me", f"Authorization: Bearer {fill(market)}\r\n")],
        }
        told = {(name, is_on): Measured() for name in asked for is_on in (False, True)}
        for _ in range(rounds):
            for is_on in (False, True):
                _start(market, port if is_on else None)
                for name, requests in asked.items():
                    endpoint = Endpoint(market.apis[0].pid, market.port, requests)
                    one_round(market, endpoint, seconds, told[name, is_on])
                market.stop()
    for (name, is_on), it in told.items():
        how = "watched" if is_on else "unwatched"
        say(f"{name}, {how}: {median(it.rates):,.0f}/s, API {median(it.api_us):,.0f} µs")
    return [
        compared(
            f"observed_{name}_api_vs_not",
            median(told[name, True].api_us),
            median(told[name, False].api_us),
            GOAL,
            "µs",
        )
        for name in asked
    ]


def _start(market: Market, port: int | None) -> None:
    names = "OTEL_EXPORTER_OTLP_ENDPOINT", "DML_SENTRY_DSN"
    for name in names:
        market.environment.pop(name, None)
    if port is not None:
        to = f"http://127.0.0.1:{port}", f"http://key@127.0.0.1:{port}/1"
        market.environment |= dict(zip(names, to, strict=True))
    market.start(apis=1)


@contextmanager
def _listening() -> Iterator[int]:
    """Run who listens as a process of its own, so that it takes no turn of the client's."""
    command = (sys.executable, "-c", LISTENS)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.terminate()
