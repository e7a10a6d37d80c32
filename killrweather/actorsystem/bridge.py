"""An asyncio loop beside an actor's mailbox: slow work runs there, its results come back as if they were mail."""

import asyncio
import concurrent.futures
import contextlib
import logging
import os
import socket
import threading
from collections import deque
from collections.abc import Callable, Coroutine
from contextvars import copy_context
from typing import Any

from thespian.actors import ThespianWatch

CANCEL_TIMEOUT_S = 5.0
_log = logging.getLogger(__name__)

Done = Callable[[Any, BaseException | None], None]


class LoopBridge:
    """Runs coroutines in a daemon thread; the actor's own thread takes their results.

    Thespian may only be used from the actor's thread. So a result is put in a deque and a byte in a socket that
    Thespian watches (it arrives in 0.1 ms); ``drain`` then runs what waits.
    """

    def __init__(self) -> None:
        self._reader, self._writer = socket.socketpair()
        self._reader.setblocking(False)
        self._writer.setblocking(False)
        self._ready: deque[Callable[[], None]] = deque()
        self._is_announced = False
        self._tasks: set[asyncio.Task[Any]] = set()
        self._generation = 0
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, name="loop", daemon=True)
        self._thread.start()

    def watch(self) -> ThespianWatch:
        """What the actor must return after every message: Thespian forgets its watches at each."""
        return ThespianWatch([self._reader.fileno()])

    def post(self, function: Callable[..., None], *arguments: Any) -> None:
        """Have a function run in the actor's thread, for the same request; may be called from any thread."""
        self._post(self._generation, lambda: function(*arguments))

    def run(self, coroutine: Coroutine[Any, Any, Any], done: Done) -> None:
        """Run a coroutine in the loop, then ``done(result, error)`` in the actor's thread."""
        generation = self._generation

        def finished(task: "asyncio.Task[Any]") -> None:
            self._tasks.discard(task)
            result, error = _outcome(task)
            self._post(generation, lambda: done(result, error))

        def begin() -> None:
            task = self.loop.create_task(coroutine)
            self._tasks.add(task)
            task.add_done_callback(finished)

        self.loop.call_soon_threadsafe(begin)

    def start(self, coroutine: Coroutine[Any, Any, Any], done: Done) -> None:
        """From the loop itself: run a coroutine, then ``done(result, error)`` in the loop."""
        generation = self._generation

        def finished(task: "asyncio.Task[Any]") -> None:
            self._tasks.discard(task)
            if generation == self._generation:
                done(*_outcome(task))

        task = self.loop.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(finished)

    def wait_for(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """Run a coroutine in the loop and wait for it; the mailbox rests meanwhile."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result()

    def acknowledge(self) -> None:
        """Take the announcements off the socket, so that Thespian does not report it again."""
        try:
            while self._reader.recv(4096):
                pass
        except BlockingIOError:
            self._is_announced = False

    def drain(self) -> None:
        """Run what was posted before this call."""
        for _ in range(len(self._ready)):
            if self._ready:
                self._ready.popleft()()

    def cancel_all(self) -> None:
        """Cancel every task and drop what was posted, then wait until the tasks are gone.

        Work that cannot be cancelled within ``CANCEL_TIMEOUT_S`` ends the process: its supervisor makes a new one.
        """
        self._generation += 1
        self._ready.clear()
        try:
            asyncio.run_coroutine_threadsafe(self._cancel(), self.loop).result(CANCEL_TIMEOUT_S)
        except concurrent.futures.TimeoutError:
            _log.error("tasks did not end when cancelled, so the process does", extra={"waited_s": CANCEL_TIMEOUT_S})
            os._exit(1)

    def close(self) -> None:
        """Cancel everything and end the loop."""
        self.cancel_all()
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(CANCEL_TIMEOUT_S)

    async def _cancel(self) -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    def _post(self, generation: int, function: Callable[[], None]) -> None:
        if generation != self._generation:
            return
        context = copy_context()
        self._ready.append(lambda: context.run(function))
        if not self._is_announced:
            self._is_announced = True
            with contextlib.suppress(BlockingIOError):  # full of announcements that nobody has taken yet
                self._writer.send(b"!")


def _outcome(task: "asyncio.Task[Any]") -> tuple[Any, BaseException | None]:
    error = asyncio.CancelledError() if task.cancelled() else task.exception()
    return (None, error) if error else (task.result(), None)
