"""The client whose answers are awaited: the methods of ``Client``, for programs with an event loop."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, TypeVar

import httpx

from killrweather.client.core import Core, Series, Task, http_options, request_of
from killrweather.client.methods import Methods
from killrweather.client.steps import Done, Failed, Give, Open, Pause, Read, Send, Step, Take, advance

T = TypeVar("T")


class AsyncClient(Methods):
    """A client as ``Client`` is, with the same methods: answers are awaited, series are iterated with ``async for``.

    One object serves any number of tasks. What ``feed`` is given may be an asynchronous iterable; a plain one is
    read in a thread, as files are.
    """

    def __init__(
        self,
        url: str | Sequence[str],
        token: str | None = None,
        timeout_s: float = 60.0,
        patience_s: float = 180.0,
        ca_file: Path | None = None,
        question_patience_s: float = 5.0,
    ):
        self._core = Core(url, patience_s, question_patience_s)
        self._http = httpx.AsyncClient(**http_options(token, timeout_s, ca_file))

    async def __aenter__(self) -> "AsyncClient":
        return self

    async def __aexit__(self, *_: Any) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close all connections."""
        await self._http.aclose()

    async def _carry_out(self, task: Task[T]) -> T:
        with closing(task.converse(self._core)) as conversation:
            async with _Hands(self._http) as hands:
                outcome: Any = None
                while not isinstance(step := advance(conversation, outcome), Done):
                    outcome = await hands.do(step)
                return step.value

    async def _iterate(self, series: Series[T]) -> AsyncGenerator[T, None]:
        with closing(series.converse(self._core)) as conversation:
            async with _Hands(self._http) as hands:
                outcome: Any = None
                while not isinstance(step := advance(conversation, outcome), Done):
                    if isinstance(step, Give):
                        outcome = None
                        yield step.value
                    else:
                        outcome = await hands.do(step)


class _Hands:
    """Carries out the steps of one conversation, and holds the answer that one of them opened."""

    def __init__(self, http: httpx.AsyncClient):
        self._http = http
        self._opened: httpx.Response | None = None
        self._blocks: AsyncIterator[bytes] | None = None

    async def __aenter__(self) -> "_Hands":
        return self

    async def __aexit__(self, *_: Any) -> None:
        await self._close()

    async def do(self, step: Step) -> Any:
        """The outcome of a step: what comes of it, or what it raises."""
        try:
            return await self._done(step)
        except Exception as error:
            return Failed(error)

    async def _done(self, step: Step) -> Any:
        match step:
            case Send():
                return await self._http.send(request_of(self._http, step))
            case Open():
                return await self._open(step)
            case Read():
                return await anext(self._blocks, b"") if self._blocks else b""
            case Pause(seconds):
                return await asyncio.sleep(seconds)
            case Take(source) if isinstance(source, AsyncIterator):
                return await anext(source, None)
            case Take(source):
                return await asyncio.to_thread(next, source, None)
        raise TypeError(f"{step!r}: not a step that is carried out")

    async def _open(self, step: Open) -> httpx.Response:
        await self._close()
        response = self._opened = await self._http.send(request_of(self._http, step), stream=True)
        if response.is_success:
            self._blocks = response.aiter_bytes()
        else:
            await response.aread()
        return response

    async def _close(self) -> None:
        if self._opened is not None:
            with suppress(httpx.RequestError):
                await self._opened.aclose()
