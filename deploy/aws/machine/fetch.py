"""Fetch what is secret of this machine's kind, and lay it as files where processes read settings.

    python fetch.py FOLDER GROUP

The folder is in memory. `/etc/dml/machine` names the secrets, and the role of the machine may read
no others. Settings come first: what AWS makes, addresses and keys, counts more.
"""

import json
import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

import boto3

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

USER: Final = "dml"
DATABASE: Final = "dml"
AUTHORITIES: Final = "/opt/dml/rds.pem"  # Whose word for the database counts.


def read(client: "SecretsManagerClient", secret: str) -> str | None:
    """Return a secret, or None where nobody has filled it yet."""
    try:
        return client.get_secret_value(SecretId=secret)["SecretString"]
    except client.exceptions.ResourceNotFoundException:
        return None


def files_of(client: "SecretsManagerClient", machine: Mapping[str, str]) -> dict[str, str]:
    """Return what each file holds, by its name."""
    told = json.loads(read(client, machine["SETTINGS_SECRET"]) or "{}")
    if odd := sorted(name for name in told if not name.upper().startswith("DML_")):
        raise SystemExit(f"the secret of settings has {', '.join(odd)}, which is no DML_…")
    files = {
        name.lower(): it if isinstance(it, str) else json.dumps(it) for name, it in told.items()
    }
    password, token = (
        read(client, machine["DATABASE_SECRET"]),
        read(client, machine["VALKEY_SECRET"]),
    )
    files["dml_database_url"] = database_url(machine["DATABASE_HOST"], USER, str(password))
    files["dml_redis_url"] = f"rediss://:{token}@{machine['VALKEY_HOST']}:6379"
    for name in ("API_KEYS_SECRET", "WORKER_KEYS_SECRET"):
        if name in machine:
            keys = read(client, machine[name])
            if keys is None:
                raise SystemExit("there are no keys yet: the admin machine makes them")
            files |= json.loads(keys)
    return files


def database_url(host: str, user: str, password: str) -> str:
    """Return the address of the database: by TLS, and only where its certificate is for it."""
    how = f"sslmode=verify-full&sslrootcert={AUTHORITIES}"
    return f"postgresql://{user}:{password}@{host}:5432/{DATABASE}?{how}"


def lay(files: Mapping[str, str], folder: Path, group: str | None) -> None:
    """Write the files, each whole or not at all, for root and a group; remove all others."""
    for name, content in files.items():
        there = folder / name
        if there.exists() and there.read_text() == content and there.stat().st_mode & 0o040:
            continue
        new = folder / f".{name}.new"
        new.unlink(missing_ok=True)
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o440), "w") as file:
            file.write(content)
        if group is not None:
            shutil.chown(new, group=group)
        new.replace(there)
    for other in folder.iterdir():
        if other.name not in files and not other.name.endswith(".lock"):
            other.unlink()


def main(folder: Path, group: str) -> None:
    client = boto3.client("secretsmanager")
    shutil.chown(folder, group=group)
    lay(files_of(client, os.environ), folder, group)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
