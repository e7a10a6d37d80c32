"""The SHA-256 of a file, as it is checked and as it is kept beside it."""

import hashlib
from pathlib import Path

SUFFIX = ".sha256"


def sha256(path: Path) -> str:
    """The sum of a file's bytes, in hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def keep_sum(path: Path, found: str) -> None:
    """Write the sum beside the file, as ``sha256sum --check`` reads it."""
    scratch = path.with_name(f".{path.name}{SUFFIX}")
    scratch.write_text(f"{found}  {path.name}\n", encoding="utf-8")
    scratch.replace(path.with_name(path.name + SUFFIX))


def kept_sum(path: Path) -> str | None:
    """The sum that was kept beside a file, or None."""
    try:
        return path.with_name(path.name + SUFFIX).read_text(encoding="utf-8").split()[0]
    except (FileNotFoundError, IndexError):
        return None
