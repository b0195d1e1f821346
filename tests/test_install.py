"""Installing: each step says how far it is, and where it fails what failed, why, and what to do."""

import http.server
import json
import os
import ssl
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

ROOT: Final = Path(__file__).resolve().parents[1]
STEP: Final = ROOT / "requirements" / "step.py"
NPM: Final = str(ROOT / ".venv" / "bin" / "npm")
PIP: Final = [sys.executable, "-m", "pip", "--isolated", "--disable-pip-version-check", "install"]
NOBODY: Final = "127.0.0.1:1"
LOCK: Final = {
    "name": "some",
    "lockfileVersion": 3,
    "packages": {
        "": {"dependencies": {"nothing": "1.0.0"}},
        "node_modules/nothing": {"version": "1.0.0", "integrity": f"sha512-{'A' * 86}=="},
    },
}


def step(*command: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME")}
    return subprocess.run(
        [sys.executable, str(STEP), ".venv/some", "something", *command],
        cwd=folder,
        env=kept | variables,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def npm(folder: Path, registry: str, **variables: str) -> subprocess.CompletedProcess[str]:
    (folder / "package.json").write_text('{"dependencies": {"nothing": "1.0.0"}}')
    (folder / "package-lock.json").write_text(json.dumps(LOCK))
    options = [f"--registry={registry}", f"--cache={folder}/cache", "--fetch-retries=0"]
    return step(NPM, "ci", *options, "--no-audit", folder=folder, **variables)


@pytest.fixture(scope="module")
def distrusted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server whose certificate nobody has signed, as that of a proxy in between."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("server") / "key.pem"
    pem = serialization.Encoding.PEM
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(secret + certificate.public_bytes(pem))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"https://localhost:{server.server_port}/"
    server.shutdown()
    server.server_close()


def test_a_step_says_which_of_how_many_it_is(tmp_path: Path) -> None:
    done = step("true", folder=tmp_path, STEPS=".venv/other .venv/some")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "2 of 2: something … 0 s\n"
    assert step("true", folder=tmp_path, STEPS=".venv/some").stdout == "something … 0 s\n"


def test_what_a_command_prints_is_shown_only_where_it_fails(tmp_path: Path) -> None:
    assert "hello" not in step("echo", "hello", folder=tmp_path).stdout
    failed = step("sh", "-c", "echo so and so; exit 3", folder=tmp_path)
    assert failed.returncode == 1
    assert failed.stderr.splitlines()[1:4] == [
        "Not installed: something",
        "The last that it said:",
        "    so and so",
    ]


def test_no_network_is_named_with_what_to_do(tmp_path: Path) -> None:
    pip = [*PIP, "--index-url", f"http://{NOBODY}/", "--retries", "1", "nothing"]
    for failed in (step(*pip, folder=tmp_path), npm(tmp_path, f"http://{NOBODY}/")):
        assert failed.returncode == 1
        assert "No registry of packages was reached. " in failed.stderr
        assert "HTTPS_PROXY=http://HOST:PORT" in failed.stderr
    failed = npm(tmp_path, "http://localhost:1/", HTTPS_PROXY=f"http://{NOBODY}")
    assert "Set here: HTTPS_PROXY." in failed.stderr


def test_a_proxys_certificate_is_named_with_what_to_do(tmp_path: Path, distrusted: str) -> None:
    pip = [*PIP, "--index-url", distrusted, "--retries", "0", "nothing"]
    for failed in (step(*pip, folder=tmp_path), npm(tmp_path, distrusted)):
        assert failed.returncode == 1
        assert "certificate of whoever answered is not trusted here" in failed.stderr
        assert "export PIP_CERT=FILE NODE_EXTRA_CA_CERTS=FILE" in failed.stderr


def test_a_full_disk_is_named_with_what_is_left(tmp_path: Path) -> None:
    failed = step("cp", str(STEP), "/dev/full", folder=tmp_path)
    assert failed.returncode == 1
    assert "The disk is full. " in failed.stderr
    assert f"MB are free in {tmp_path}" in failed.stderr


def test_another_package_than_the_locked_one_is_refused_and_named(tmp_path: Path) -> None:
    about = "some-1.0.dist-info"
    with zipfile.ZipFile(tmp_path / "some-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"{about}/METADATA", "Metadata-Version: 2.1\nName: some\nVersion: 1.0\n")
        wheel.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        wheel.writestr(f"{about}/RECORD", "")
    (tmp_path / "lock.txt").write_text(f"some==1.0 --hash=sha256:{'0' * 64}\n")
    pip = [*PIP, "--no-index", "--find-links", ".", "--require-hashes", "-r", "lock.txt"]
    failed = step(*pip, "--target", "new", folder=tmp_path)
    assert failed.returncode == 1
    assert "A package is another than the locked one." in failed.stderr


@pytest.mark.parametrize(
    ("variable", "value", "wants"),
    [
        ("DML_LOCAL_CHAIN", "false", False),
        ("DML_LOCAL_CHAIN", "true", True),
        ("DML_CHAIN_URL", "https://one.example", False),
        ("HOME", "/nonexistent", True),
    ],
)
def test_only_who_wants_a_local_chain_gets_one(variable: str, value: str, wants: bool) -> None:
    # Where `make test` runs this, its own flags are none of the user's.
    others = ("DML_", "MAKE", "MFLAGS", "ARGS")
    kept = {name: it for name, it in os.environ.items() if not name.startswith(others)}
    told = subprocess.check_output(
        ["make", "--dry-run", "--what-if=requirements/chain/package-lock.json", "run"],
        cwd=ROOT,
        env=kept | {variable: value},
        text=True,
    )
    assert ("a local chain" in told) == wants
    assert told.splitlines()[-1].strip() == ".venv/bin/dml up"
