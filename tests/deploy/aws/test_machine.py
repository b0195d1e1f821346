"""What runs on a machine of AWS: its secrets as files, its units, and what is there before."""

import importlib
import json
import os
import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import boto3
import psycopg
import pytest
from moto import mock_aws
from sqlalchemy import make_url
from typer.main import get_command

from dml.core.settings_sources import SECRETS_DIR
from dml.entrypoints.cli.main import app
from dml.entrypoints.embedded import postgres
from dml.entrypoints.settings_read import read
from tests.conftest import HOME
from tests.deploy.aws.templates import AWS, KINDS, MACHINE, user_data

NAMES: Final = ("SETTINGS", "DATABASE", "VALKEY", "API_KEYS", "WORKER_KEYS", "MASTER")
UNITS: Final = sorted(MACHINE.glob("*.service")) + sorted(MACHINE.glob("*.timer"))


@pytest.fixture
def scripts(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The modules of `machine/`, which find each other as they do there."""
    monkeypatch.syspath_prepend(str(MACHINE))
    return {name: importlib.import_module(name) for name in ("fetch", "first", "store")}


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """An AWS that keeps secrets, with those of a new marketplace."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    with mock_aws():
        made: Any = boto3.client("secretsmanager", region_name="eu-central-1")
        for name in ("SETTINGS", "API_KEYS", "WORKER_KEYS"):
            made.create_secret(Name=name)
        for name in ("DATABASE", "VALKEY"):
            made.create_secret(Name=name, SecretString=f"of{name}")
        yield made


@pytest.fixture
def machine() -> dict[str, str]:
    """`/etc/dml/machine` of an API."""
    hosts = {"DATABASE_HOST": "db.example", "VALKEY_HOST": "valkey.example"}
    names = ("SETTINGS", "DATABASE", "VALKEY", "API_KEYS")
    return hosts | {f"{name}_SECRET": name for name in names}


def test_secrets_become_files_that_settings_read(
    scripts: dict[str, Any],
    client: Any,
    machine: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fetch = scripts["fetch"]
    told = {"DML_SMTP_HOST": "smtp.example", "dml_mail_from": "a@b.example", "DML_SMTP_PORT": 587}
    client.put_secret_value(SecretId="SETTINGS", SecretString=json.dumps(told))
    client.put_secret_value(SecretId="API_KEYS", SecretString='{"keys.json": "{}"}')
    (tmp_path / "dml_sentry_dsn").write_text("of a setting that is no more")
    fetch.lay(fetch.files_of(client, machine), tmp_path, None)
    monkeypatch.setenv(SECRETS_DIR, str(tmp_path))
    for variable in ("DML_DATABASE_URL", "DML_REDIS_URL"):
        monkeypatch.delenv(variable, raising=False)
    settings = read()
    assert settings.database_url
    url = make_url(settings.database_url.get_secret_value())
    assert (url.host, url.password, url.query["sslmode"]) == (
        "db.example",
        "ofDATABASE",
        "verify-full",
    )
    assert settings.redis_url
    assert settings.redis_url.get_secret_value() == "rediss://:ofVALKEY@valkey.example:6379"
    assert (settings.smtp_host, settings.smtp_port) == ("smtp.example", 587)
    assert settings.sentry_dsn is None
    files = {it.name: stat.S_IMODE(it.stat().st_mode) for it in tmp_path.iterdir()}
    assert "keys.json" in files
    assert set(files.values()) == {0o440}


def test_what_has_not_changed_is_not_written_again(scripts: dict[str, Any], tmp_path: Path) -> None:
    lay = scripts["fetch"].lay
    lay({"keys.json": "one", "factors.key": "same"}, tmp_path, None)
    before = {it.name: it.stat().st_ino for it in tmp_path.iterdir()}
    lay({"keys.json": "two", "factors.key": "same"}, tmp_path, None)
    after = {it.name: it.stat().st_ino for it in tmp_path.iterdir()}
    assert after["factors.key"] == before["factors.key"]
    assert (tmp_path / "keys.json").read_text() == "two"


def test_a_machine_does_not_start_without_keys_nor_with_what_is_no_setting(
    scripts: dict[str, Any], client: Any, machine: dict[str, str]
) -> None:
    files_of = scripts["fetch"].files_of
    with pytest.raises(SystemExit, match="the admin machine makes them"):
        files_of(client, machine)
    client.put_secret_value(SecretId="SETTINGS", SecretString='{"SMTP_HOST": "x"}')
    with pytest.raises(SystemExit, match="SMTP_HOST, which is no DML_"):
        files_of(client, machine)


def test_keys_are_made_once_and_only_workers_get_what_opens(
    scripts: dict[str, Any], client: Any
) -> None:
    dml = str(Path(sys.executable).with_name("dml"))
    scripts["first"].make_keys(client, "API_KEYS", "WORKER_KEYS", dml)
    made = {
        it: client.get_secret_value(SecretId=it)["SecretString"]
        for it in ("API_KEYS", "WORKER_KEYS")
    }
    assert json.loads(made["API_KEYS"]).keys() == {"keys.json", "factors.key", "scorer.key.public"}
    assert json.loads(made["WORKER_KEYS"]).keys() == {"scorer.key", "scorer.key.public"}
    scripts["first"].make_keys(client, "API_KEYS", "WORKER_KEYS", "/nonexistent")
    assert client.get_secret_value(SecretId="API_KEYS")["SecretString"] == made["API_KEYS"]


def test_keys_of_one_kind_alone_are_not_made_anew(scripts: dict[str, Any], client: Any) -> None:
    client.put_secret_value(SecretId="API_KEYS", SecretString="{}")
    with pytest.raises(SystemExit, match="put the other back"):
        scripts["first"].make_keys(client, "API_KEYS", "WORKER_KEYS", "/nonexistent")


def test_rotated_keys_are_kept_beside_the_others(
    scripts: dict[str, Any], client: Any, tmp_path: Path
) -> None:
    client.put_secret_value(
        SecretId="API_KEYS", SecretString='{"keys.json": "1", "factors.key": "2"}'
    )
    (tmp_path / "keys.json").write_text("3")
    scripts["store"].store(client, "API_KEYS", tmp_path / "keys.json")
    kept = json.loads(client.get_secret_value(SecretId="API_KEYS")["SecretString"])
    assert kept == {"keys.json": "3", "factors.key": "2"}


@pytest.fixture
def master(new_database: str) -> Iterator[str]:
    """The address of a new database for a role as RDS has: no superuser, but it makes roles."""
    name, database = f"dml_master_{os.getpid()}", make_url(new_database).database
    rights = "LOGIN CREATEROLE CREATEDB PASSWORD 'secret'"
    postgres.run_sql(
        HOME, f"CREATE ROLE {name} {rights}; ALTER DATABASE {database} OWNER TO {name}"
    )
    url = make_url(new_database).set(username=name, password="secret")
    yield url.render_as_string(hide_password=False)
    postgres.run_sql(HOME, f"ALTER DATABASE {database} OWNER TO dml; DROP ROLE {name}")


def test_our_user_of_the_database_owns_it_and_nothing_else(
    scripts: dict[str, Any], master: str
) -> None:
    name, database = f"dml_of_aws_{os.getpid()}", str(make_url(master).database)
    try:
        for password in ("first", "second"):  # As at each release.
            with psycopg.connect(master, autocommit=True) as connection:
                scripts["first"].make_user(connection, name, database, password)
        url = make_url(master).set(username=name, password="second")
        with psycopg.connect(url.render_as_string(hide_password=False), autocommit=True) as ours:
            ours.execute("CREATE SCHEMA of_ours")
            ours.execute("CREATE TABLE public.of_ours ()")
        told = postgres.run_sql(
            HOME,
            "SELECT rolsuper, rolcreaterole, rolcreatedb, datname FROM pg_roles JOIN pg_database"
            f" ON datdba = pg_roles.oid WHERE rolname = '{name}'",
        )
        assert told.split() == ["f", "f", "f", database]
    finally:
        postgres.run_sql(HOME, f"REASSIGN OWNED BY {name} TO dml", database=database)
        postgres.run_sql(HOME, f"DROP OWNED BY {name}; DROP ROLE {name}", database=database)


def test_units_run_what_there_is() -> None:
    commands = get_command(app)
    for unit in UNITS:
        for line in re.findall(r"^ExecStart=(.+)$", unit.read_text(), re.MULTILINE):
            program, *arguments = line.split()
            if program.endswith("/dml"):
                command: Any = commands
                for word in arguments:
                    command = command.commands[word]
            else:
                for it in (program, *arguments):
                    if it.startswith("/opt/dml/machine/"):
                        assert (MACHINE / Path(it).name).is_file(), it
    for kind in KINDS[1:]:
        assert (MACHINE / f"dml-{kind}@.service").is_file()
    for timer in MACHINE.glob("*.timer"):
        assert timer.with_suffix(".service").is_file()


def test_the_installation_names_what_is_in_the_bundle() -> None:
    text = (MACHINE / "install.sh").read_text()
    for name in re.findall(r"(?<![\w/])machine/([\w.-]+\w)", text):
        assert (MACHINE / name).is_file(), name
    bundled = (AWS / "bundle.sh").read_text()
    for lock in re.findall(r"-r (requirements/\w+\.txt)", text):
        assert lock in bundled
    for pip in re.findall(r"pip install ([^\n]+)", text):
        assert "--no-index" in pip


def test_what_user_data_of_a_machine_names_is_there() -> None:
    facts = re.findall(r"\$(\w+)", user_data("small", "api").partition("set -a")[2])
    for name in facts:
        assert f"\n{name}=" in user_data("small", "api")


@pytest.mark.parametrize(
    "script",
    [*sorted(AWS.glob("*.sh")), MACHINE / "install.sh", MACHINE / "alive.sh", MACHINE / "dml"],
    ids=lambda it: it.name,
)
def test_a_shell_reads_the_script(script: Path) -> None:
    shell = "bash" if "bash" in script.read_text().partition("\n")[0] else "sh"
    ended = subprocess.run([shell, "-n", str(script)], capture_output=True, check=False)
    assert ended.returncode == 0, ended.stderr


def test_systemd_reads_the_units(tmp_path: Path) -> None:
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("no systemd is installed")
    for unit in UNITS:
        text = re.sub(
            r"^ExecStart=\S+", "ExecStart=/bin/true", unit.read_text(), flags=re.MULTILINE
        )
        (tmp_path / unit.name.replace("@.", "@1.")).write_text(text)
        folder = tmp_path / "dml-.service.d"
        folder.mkdir(exist_ok=True)
        shutil.copy(MACHINE / "process.conf", folder)
    ended = subprocess.run(
        [program, "verify", *sorted(str(it) for it in tmp_path.glob("*.*") if it.is_file())],
        capture_output=True,
        text=True,
        check=False,
    )
    assert not re.findall(r"Unknown|Failed to parse|ignoring", ended.stderr), ended.stderr
