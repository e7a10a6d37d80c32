"""The client that waits for its answers."""

import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, TypeVar

import httpx

from killrweather.client.core import Core, Series, Task, http_options, request_of
from killrweather.client.methods import Methods
from killrweather.client.steps import Done, Failed, Give, Open, Pause, Read, Send, Step, Take, advance
from killrweather.errors import BadRequest

T = TypeVar("T")


class Client(Methods):
    """A client of a node, or of several of one cluster: it goes on with the next where one is away. A context manager.

    Any node answers any request, so the order of the nodes is of no matter.

    What can safely be sent again is, after growing pauses, while no node can take it: data for ``patience_s``,
    questions for ``question_patience_s``. Orders, such as a recompute, are given once. ``ca_file`` has the authority
    that signed the node's certificate, by default a public one.

    Methods raise NoData, StationNotFound, BadRequest, Unavailable …: what is in ``killrweather.errors``.
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
        self._http = httpx.Client(**http_options(token, timeout_s, ca_file))

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections."""
        self._http.close()

    def _carry_out(self, task: Task[T]) -> T:
        with closing(task.converse(self._core)) as conversation, _Hands(self._http) as hands:
            outcome: Any = None
            while not isinstance(step := advance(conversation, outcome), Done):
                outcome = hands.do(step)
            return step.value

    def _iterate(self, series: Series[Any]) -> Iterator[Any]:
        with closing(series.converse(self._core)) as conversation, _Hands(self._http) as hands:
            outcome: Any = None
            while not isinstance(step := advance(conversation, outcome), Done):
                if isinstance(step, Give):
                    outcome = None
                    yield step.value
                else:
                    outcome = hands.do(step)


class _Hands:
    """Carries out the steps of one conversation, and holds the answer that one of them opened."""

    def __init__(self, http: httpx.Client):
        self._http = http
        self._opened: httpx.Response | None = None
        self._blocks: Iterator[bytes] = iter(())

    def __enter__(self) -> "_Hands":
        return self

    def __exit__(self, *_: Any) -> None:
        self._close()

    def do(self, step: Step) -> Any:
        """The outcome of a step: what comes of it, or what it raises."""
        try:
            return self._done(step)
        except Exception as error:
            return Failed(error)

    def _done(self, step: Step) -> Any:
        match step:
            case Send():
                return self._http.send(request_of(self._http, step))
            case Open():
                return self._open(step)
            case Read():
                return next(self._blocks, b"")
            case Pause(seconds):
                return time.sleep(seconds)
            case Take(source) if isinstance(source, AsyncIterator):
                raise BadRequest("an asynchronous iterable: expected a plain one, or an AsyncClient", "observations")
            case Take(source):
                return next(source, None)
        raise TypeError(f"{step!r}: not a step that is carried out")

    def _open(self, step: Open) -> httpx.Response:
        self._close()
        response = self._opened = self._http.send(request_of(self._http, step), stream=True)
        if response.is_success:
            self._blocks = response.iter_bytes()
        else:
            response.read()
        return response

    def _close(self) -> None:
        if self._opened is not None:
            with suppress(httpx.RequestError):
                self._opened.close()
