"""What the templates are made of, as one digest: by it, tests see that they are old."""

import hashlib
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).parent
STAMP: Final = "made-of.sha256"


def stamp() -> str:
    """Return the SHA-256 of all that `make aws` makes templates of."""
    files = [*HERE.glob("*.py"), HERE / "settings.toml", HERE / "user_data.sh"]
    files.append(HERE.parents[1] / "requirements" / "aws.txt")
    digest = hashlib.sha256()
    for file in sorted(files):
        digest.update(f"{file.name}\n".encode() + file.read_bytes())
    return digest.hexdigest()
