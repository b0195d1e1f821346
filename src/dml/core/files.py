"""Files that several processes may want to make at once."""

import os
from pathlib import Path


def write_secret_once(path: Path, text: str) -> None:
    """Write a file that its owner alone reads, at once and whole; one that is there stays."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f"{path.name}.{os.getpid()}")
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    try:
        os.link(new, path)
    except FileExistsError:
        pass  # Another process was first: what it wrote is ours too.
    finally:
        new.unlink()
