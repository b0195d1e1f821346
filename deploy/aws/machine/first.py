"""What is there before a marketplace starts: its user in the database, and its keys.

The admin machine runs it before each release. What is there already stays as it is.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

import boto3
import psycopg
from fetch import DATABASE, USER, database_url, read
from psycopg import sql

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

# Which files of `dml keys make` are whose.
OF_APIS: Final = ("keys.json", "factors.key", "scorer.key.public")
OF_WORKERS: Final = ("scorer.key", "scorer.key.public")


def make_user(connection: psycopg.Connection, name: str, owned: str, password: str) -> None:
    """Make a user with this password, who owns one database and nothing else."""
    user, database = sql.Identifier(name), sql.Identifier(owned)
    # As a hash: statements may be logged.
    hashed = connection.pgconn.encrypt_password(
        password.encode(), name.encode(), b"scram-sha-256"
    ).decode()
    known = connection.execute("SELECT FROM pg_roles WHERE rolname = %s", [name]).fetchone()
    verb = sql.SQL("CREATE" if known is None else "ALTER")
    for statement in (
        sql.SQL("{} ROLE {} LOGIN PASSWORD {}").format(verb, user, sql.Literal(hashed)),
        sql.SQL("GRANT {} TO CURRENT_USER").format(user),  # Only then it can be made an owner.
        sql.SQL("ALTER DATABASE {} OWNER TO {}").format(database, user),
        sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(database),
    ):
        connection.execute(statement)


def make_keys(client: "SecretsManagerClient", apis: str, workers: str, dml: str) -> None:
    """Make the keys, and keep those of APIs and of workers apart."""
    known = [read(client, it) for it in (apis, workers)]
    if None not in known:
        return
    if known != [None, None]:
        raise SystemExit("there are keys of APIs or of workers, but not both: put the other back")
    with tempfile.TemporaryDirectory() as home:
        # Of the bundle itself, as the machine installed it.
        subprocess.run(  # noqa: S603
            [dml, "keys", "make"], env={"DML_HOME": home}, check=True, capture_output=True
        )
        for secret, names in ((workers, OF_WORKERS), (apis, OF_APIS)):
            files = {name: (Path(home) / name).read_text() for name in names}
            client.put_secret_value(SecretId=secret, SecretString=json.dumps(files))


def main(machine: dict[str, str]) -> None:
    client = boto3.client("secretsmanager")
    master = json.loads(str(read(client, machine["MASTER_SECRET"])))
    url = database_url(machine["DATABASE_HOST"], master["username"], master["password"])
    with psycopg.connect(url, autocommit=True) as connection:
        make_user(connection, USER, DATABASE, str(read(client, machine["DATABASE_SECRET"])))
    dml = str(Path(sys.executable).with_name("dml"))
    make_keys(client, machine["API_KEYS_SECRET"], machine["WORKER_KEYS_SECRET"], dml)


if __name__ == "__main__":
    main(dict(os.environ))
