"""Keep the keys that sign tokens, after they were changed on the admin machine.

python store.py FILE
"""

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
from fetch import read

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient


def store(client: "SecretsManagerClient", secret: str, file: Path) -> None:
    """Put one file in the place of its like in a secret of several."""
    keys = json.loads(read(client, secret) or "{}")
    keys[file.name] = file.read_text()
    client.put_secret_value(SecretId=secret, SecretString=json.dumps(keys))


if __name__ == "__main__":
    store(boto3.client("secretsmanager"), os.environ["API_KEYS_SECRET"], Path(sys.argv[1]))
