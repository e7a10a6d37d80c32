"""A job's process, seen from the actor that starts and watches it."""

import asyncio
import json
import logging
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

from killrweather.home import Home
from killrweather.jobs.events import STOP, dump
from killrweather.processes import die_with_parent, end
from killrweather.settings import Settings
from killrweather.waking_clock import WakingClock

log = logging.getLogger(__name__)


class JobProcess:
    """Starts ``killrweather.jobs.<name>`` and reads the events it tells, one JSON object a line."""

    def __init__(self, name: str, settings: Settings, home: Home, arguments: Sequence[str] = ()):
        self.name = name
        self._settings, self._home, self._arguments = settings, home, arguments
        self._process: Any = None
        self._awake = WakingClock(settings.node.hung_after_s)
        self._heard_at = self._awake()
        self._is_alive = False

    @property
    def pid(self) -> int | None:
        """The process, once it was started."""
        return self._process.pid if self._process else None

    @property
    def log(self) -> Path:
        """Where it writes what is no event."""
        return self._home.log(self.name)

    async def start(self) -> None:
        """Start it; it ends with this process, however that ends."""
        with self.log.open("ab") as errors:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                f"killrweather.jobs.{self.name}",
                "--home",
                str(self._home.path),
                *self._arguments,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=errors,
                preexec_fn=lambda: die_with_parent(signal.SIGKILL),
            )
        self._heard_at = self._awake()
        await self.say(dump(self._settings))

    async def say(self, line: str) -> None:
        """Tell it something; raises ConnectionError when it has ended."""
        self._process.stdin.write(f"{line}\n".encode())
        await self._process.stdin.drain()

    async def events(self) -> AsyncIterator[dict[str, Any]]:
        """What it tells, until it ends."""
        async for line in self._process.stdout:
            self._heard_at = self._awake()
            try:
                event = json.loads(line)
            except json.JSONDecodeError:
                log.warning("a job said what is no event", extra={"job": self.name, "line": line[:200]})
                continue
            self._is_alive = self._is_alive or event["event"] == "alive"
            yield event

    async def wait(self) -> int:
        """Its exit code, once it has ended."""
        return await self._process.wait()

    async def silence(self) -> str:
        """Wait until it has given no sign of life for too long; what is wrong, in words."""
        limit_s, starting_s = self._settings.node.hung_after_s, self._settings.services.start_timeout_s
        while (silent_s := self._awake() - self._heard_at) <= (limit_s if self._is_alive else starting_s):
            await asyncio.sleep(limit_s / 4)
        return f"it gave no sign of life for {silent_s:.0f} s and was killed"

    async def stop(self, timeout_s: float) -> None:
        """Have it finish what it has begun and end; whatever is left after ``timeout_s`` is killed."""
        if self._process is None:
            return
        try:
            await self.say(STOP)
            await asyncio.wait_for(self._process.wait(), timeout_s)
        except (asyncio.TimeoutError, ConnectionError):
            await self.kill()

    async def kill(self) -> None:
        """End it and its JVM at once."""
        if self._process and self._process.returncode is None:
            await asyncio.to_thread(end, self._process.pid, 0.0)
            await self._process.wait()
