"""The last lines of the log that this process writes to, which the processes of a node share."""

import logging
from pathlib import Path

_BLOCK_BYTES = 65_536


def log_file() -> Path | None:
    """The file that this process logs to; None when it logs elsewhere."""
    handlers = (one for one in logging.root.handlers if isinstance(one, logging.FileHandler))
    return next((Path(one.baseFilename) for one in handlers), None)


def last_lines(path: Path, most: int) -> list[str]:
    """The last lines of a file, oldest first; of a very long one those that stand in its last 64 KiB."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        start = max(0, size - _BLOCK_BYTES)
        file.seek(start)
        lines = file.read().decode("utf-8", "replace").splitlines()
    return lines[1 if start else 0 :][-most:]
