"""Rolling a release out: in which order, and back where it fails. A script is Kubernetes here."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[2]
RELEASE: Final = "0.1.0"
IMAGE: Final = "registry.example.org/dml@sha256:" + "0" * 64
# Writes down how it was called, and fails where that begins like a line of `failing`.
KUBECTL: Final = """\
#!/bin/sh
folder=$(dirname "$0")
echo "$*" >> "$folder/calls"
while read -r beginning; do
    case "$*" in "$beginning"*) exit 1 ;; esac
done < "$folder/failing"
case "$*" in
    kustomize*) printf 'kind: Job\\nspec:\\n  - image: dml\\n' ;;
    *"get deployments"*) printf 'deployment.apps/dml-api\\ndeployment.apps/dml-worker\\n' ;;
    apply*) for it; do [ -f "$it" ] && cat "$it" > "$folder/applied"; done; true ;;
esac
"""
WAITS: Final = "--namespace dml wait"
ROLLS: Final = "--namespace dml rollout status deployment.apps/"


@pytest.fixture
def answers() -> dict[str, Any]:
    listed: dict[str, Any] = {"items": [], "next_cursor": None}
    return {
        "/healthz": {"alive": True, "release": RELEASE},
        "/readyz": {"ready": True},
        "/v1/algorithms": listed,
        "/v1/bounties": listed,
        "/.well-known/jwks.json": {"keys": []},
        "/openapi.json": {"openapi": "3.1.0"},
    }


@pytest.fixture
def marketplace(answers: dict[str, Any]) -> Iterator[str]:
    """What answers from outside."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            told = answers.get(self.path)
            body = json.dumps(told).encode()
            self.send_response(503 if told is None else 200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,)).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def roll(
    folder: Path, url: str, *failing: str, seconds: str = "60"
) -> tuple[subprocess.CompletedProcess[str], list[str]]:
    """Roll out; the answer is how it ended, and what Kubernetes was told."""
    kubectl = folder / "kubectl"
    kubectl.write_text(KUBECTL)
    kubectl.chmod(0o755)
    (folder / "failing").write_text("".join(f"{it}\n" for it in failing))
    ended = subprocess.run(
        [str(ROOT / "deploy" / "roll.sh"), IMAGE, RELEASE, url],
        env={
            "PATH": f"{folder}:{Path(sys.executable).parent}:/usr/bin:/bin",
            "SMOKE_SECONDS": seconds,
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return ended, (folder / "calls").read_text().splitlines()


def test_tables_first_then_processes_then_a_look_from_outside(
    tmp_path: Path, marketplace: str
) -> None:
    ended, calls = roll(tmp_path, marketplace)
    assert ended.returncode == 0, ended.stderr
    assert f"serves at {marketplace}" in ended.stdout
    assert (tmp_path / "applied").read_text().count(f"image: {IMAGE}") == 1
    told = [it for it in calls if not it.startswith(("kustomize", "--namespace dml get"))]
    begin = ["--namespace dml delete job", "apply", WAITS, "apply", "--namespace dml rollout"]
    assert [it.startswith(one) for it, one in zip(told, begin, strict=False)] == [True] * 5
    assert "--selector app=dml-migrate" in told[1]
    assert "--selector" not in told[3]
    assert not [it for it in calls if "undo" in it]


def test_nothing_is_rolled_out_on_tables_that_are_not_ready(
    tmp_path: Path, marketplace: str
) -> None:
    ended, calls = roll(tmp_path, marketplace, WAITS)
    assert ended.returncode == 1
    assert "nothing was rolled out" in ended.stderr
    assert len([it for it in calls if it.startswith("apply")]) == 1
    assert not [it for it in calls if "rollout" in it]


@pytest.mark.parametrize("name", ["dml-api", "dml-worker"])
def test_what_does_not_get_ready_goes_back(tmp_path: Path, marketplace: str, name: str) -> None:
    ended, calls = roll(tmp_path, marketplace, f"{ROLLS}{name}")
    assert ended.returncode == 1
    assert f"deployment.apps/{name} did not get ready: back to the release before" in ended.stderr
    undone = [it for it in calls if "rollout undo" in it]
    assert [it.rpartition("/")[2] for it in undone] == ["dml-api", "dml-worker"]


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("/healthz", {"alive": True, "release": "0.0.9"}),
        ("/readyz", None),
        ("/v1/algorithms", None),
        ("/openapi.json", ["no object"]),
    ],
    ids=["another release", "not ready", "no list", "no description"],
)
def test_what_does_not_serve_fails_the_smoke_test(
    marketplace: str, answers: dict[str, Any], path: str, told: Any
) -> None:
    answers[path] = told
    ended = subprocess.run(
        [sys.executable, ROOT / "deploy/smoke.py", marketplace, RELEASE, "--seconds", "0"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert ended.returncode == 1
    assert f"smoke test: {path} says" in ended.stderr


def test_a_smoke_test_that_fails_takes_the_release_back(tmp_path: Path) -> None:
    ended, calls = roll(tmp_path, "http://127.0.0.1:1", seconds="0")
    assert ended.returncode == 1
    assert "It does not serve: back to the release before" in ended.stderr
    assert len([it for it in calls if "rollout undo" in it]) == 2
