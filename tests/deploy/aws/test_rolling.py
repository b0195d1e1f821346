"""Rolling a release out on AWS: in which order, and back where it fails. A script is AWS here."""

import hashlib
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final

import pytest

from tests.deploy.aws.templates import AWS

RELEASE: Final = "0.1.0"
# Writes down how it was called, and fails where that begins like a line of `failing`.
PROGRAM: Final = """\
#!/bin/sh
folder=$(dirname "$0")
echo "$*" >> "$folder/calls"
while read -r beginning; do
    case "$*" in "$beginning"*) exit 1 ;; esac
done < "$folder/failing"
case "$*" in
    *ArtifactsBucketName*) echo artifacts ;;
    *get-template*) echo 'Resources: {}' ;;
    *"--stack-name dml-market"*Parameters*) printf 'Bundle\\told\\nDigest\\t00\\n' ;;
    *"Bundle=old"*) set -- $*; cp "$6" "$folder/template" ;;
esac
"""
DEPLOY: Final = "cloudformation deploy"


@pytest.fixture
def marketplace() -> Iterator[str]:
    """A marketplace of which `smoke.py` finds nothing to say."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = f'{{"release": "{RELEASE}"}}'.encode()
            self.send_response(200)
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
    folder: Path, url: str, *failing: str, more: tuple[str, ...] = ()
) -> tuple[subprocess.CompletedProcess[str], list[str]]:
    """Roll out; the answer is how it ended, and what AWS was told."""
    program = folder / "aws"
    program.write_text(PROGRAM)
    program.chmod(0o755)
    (folder / "failing").write_text("".join(f"{it}\n" for it in failing))
    (folder / "bundle.tar").write_text("what is released")
    ended = subprocess.run(
        [str(AWS / "roll.sh"), str(folder / "bundle.tar"), RELEASE, url, "small", *more],
        env={"PATH": f"{folder}:{Path(sys.executable).parent}:/usr/bin:/bin", "SMOKE_SECONDS": "0"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return ended, (folder / "calls").read_text().splitlines()


def test_the_bundle_goes_first_then_the_stack_then_a_look_from_outside(
    tmp_path: Path, marketplace: str
) -> None:
    ended, calls = roll(tmp_path, marketplace, more=("WithChain=yes",))
    assert ended.returncode == 0, ended.stderr
    assert f"Release {RELEASE} serves at {marketplace}." in ended.stdout
    digest = hashlib.sha256(b"what is released").hexdigest()
    name = f"{RELEASE}-{digest[:12]}"
    copied, deployed = calls[-2:]
    assert copied.endswith(f"s3://artifacts/releases/{name}.tar")
    assert deployed.startswith(DEPLOY)
    assert "small-market.yaml" in deployed
    assert deployed.endswith(f"Bundle={name} Digest={digest} WithChain=yes")


def test_where_machines_do_not_get_ready_cloudformation_went_back(
    tmp_path: Path, marketplace: str
) -> None:
    ended, calls = roll(tmp_path, marketplace, DEPLOY)
    assert ended.returncode == 1
    assert "CloudFormation is back at the release before" in ended.stderr
    assert len([it for it in calls if it.startswith(DEPLOY)]) == 1


def test_where_it_does_not_serve_template_and_bundle_before_come_back(tmp_path: Path) -> None:
    ended, calls = roll(tmp_path, "http://127.0.0.1:1")
    assert ended.returncode == 1
    assert "It does not serve: back to the release before" in ended.stderr
    assert calls[-1].startswith(DEPLOY)
    assert calls[-1].endswith("Bundle=old Digest=00")
    assert (tmp_path / "template").read_text() == "Resources: {}\n"


def test_of_a_first_release_there_is_no_way_back(tmp_path: Path) -> None:
    ended, calls = roll(tmp_path, "http://127.0.0.1:1", "cloudformation get-template")
    assert ended.returncode == 1
    assert "there is no release before" in ended.stderr
    assert len([it for it in calls if it.startswith(DEPLOY)]) == 1


def test_nothing_is_rolled_out_before_there_is_a_foundation(
    tmp_path: Path, marketplace: str
) -> None:
    ended, calls = roll(tmp_path, marketplace, "cloudformation describe-stacks")
    assert ended.returncode == 1
    assert len(calls) == 1
