"""The stream's process, seen from the actor that starts and watches it."""

import asyncio
import json
import logging
import signal
import sys
from collections.abc import AsyncIterator
from typing import Any

from killrweather.home import Home
from killrweather.jobs.events import STOP, dump
from killrweather.processes import die_with_parent, end
from killrweather.settings import Settings

log = logging.getLogger(__name__)


class StreamProcess:
    """Starts ``killrweather.jobs.stream`` and reads the events it tells, one JSON object a line."""

    def __init__(self, settings: Settings, home: Home):
        self._settings, self._home = settings, home
        self._process: Any = None

    @property
    def pid(self) -> int | None:
        """The process, once it was started."""
        return self._process.pid if self._process else None

    async def start(self) -> None:
        """Start it; it ends with this process, however that ends."""
        with self._home.log("stream").open("ab") as errors:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "killrweather.jobs.stream",
                "--home",
                str(self._home.path),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=errors,
                preexec_fn=lambda: die_with_parent(signal.SIGKILL),
            )
        await self._say(dump(self._settings))

    async def events(self) -> AsyncIterator[dict[str, Any]]:
        """What it tells, until it ends."""
        async for line in self._process.stdout:
            try:
                yield json.loads(line)
            except json.JSONDecodeError:
                log.warning("the stream said what is no event", extra={"line": line[:200]})

    async def wait(self) -> int:
        """Its exit code, once it has ended."""
        return await self._process.wait()

    async def stop(self, timeout_s: float) -> None:
        """Have it finish its batch and end; whatever is left after ``timeout_s`` is killed."""
        if self._process is None:
            return
        try:
            await self._say(STOP)
            await asyncio.wait_for(self._process.wait(), timeout_s)
        except (asyncio.TimeoutError, ConnectionError):
            await self.kill()

    async def kill(self) -> None:
        """End it and its JVM at once."""
        if self._process and self._process.returncode is None:
            await asyncio.to_thread(end, self._process.pid, 0.0)
            await self._process.wait()

    async def _say(self, line: str) -> None:
        self._process.stdin.write(f"{line}\n".encode())
        await self._process.stdin.drain()
