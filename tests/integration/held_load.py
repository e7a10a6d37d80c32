"""A load that stands in the middle of its rows until it is let go on, so that a fault can happen there."""

import errno
import json
import os
import subprocess
from pathlib import Path
from typing import Any

from whole_system import WholeSystem

from killrweather.actorsystem.testkit import eventually

_HELD_WITHIN_S = 120


class HeldLoad:
    """``killrweather load --wait`` of lines: the first half is accepted, the command waits at a pipe for the rest."""

    def __init__(self, system: WholeSystem, lines: bytes, directory: Path):
        every = lines.splitlines(keepends=True)
        middle = len(every) // 2
        directory.mkdir(parents=True)
        first, second = directory / "first.csv", directory / "second.csv"
        first.write_bytes(b"".join(every[:middle]))
        os.mkfifo(second)
        self._rest = b"".join(every[middle:])
        self._command = system.begin("load", str(first), str(second), "--wait", "--json")
        self._pipe: int = eventually(lambda: self._opened(second), _HELD_WITHIN_S)

    def go_on(self) -> None:
        """Give the command the rest: it is sent into whatever has happened since."""
        with open(self._pipe, "wb") as pipe:
            pipe.write(self._rest)

    def end(self, within_s: float) -> dict[str, Any]:
        """What the command says when every row is stored."""
        output, errors = self._command.communicate(timeout=within_s)
        assert self._command.returncode == 0, errors
        return json.loads(output)

    def _opened(self, pipe: Path) -> int | None:
        """The pipe's end for writing; None until the command has come to it."""
        if self._command.poll() is not None:
            raise subprocess.SubprocessError(f"the load ended before its second half: {self._command.communicate()}")
        try:
            opened = os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
        except OSError as error:
            if error.errno == errno.ENXIO:
                return None
            raise
        os.set_blocking(opened, True)
        return opened
