"""What both clients know and decide: which node is asked, and what happens when it does not answer."""

import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar
from urllib.parse import urlsplit

import httpx

from killrweather.client.answers import check, failure
from killrweather.client.retry import Retry
from killrweather.client.steps import Call, Conversation, Open, Pause, Send
from killrweather.errors import BadRequest, KillrWeatherError, Unavailable
from killrweather.tls import client_context

_CONNECT_S = 5.0
"""s until another node is asked, where one is cut off and nobody even refuses."""

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

_NOT_REACHED = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
"""With these nothing was sent, so nothing was done."""


class Core:
    """The nodes, the one that answered last in front, and the patience with them."""

    def __init__(
        self,
        url: str | Sequence[str],
        patience_s: float,
        question_patience_s: float,
        now: Callable[[], float] = time.monotonic,
    ):
        self._urls = deque(_checked(one) for one in ([url] if isinstance(url, str) else url))
        if not self._urls:
            raise BadRequest("a client needs the address of a node, such as http://127.0.0.1:8080", "url")
        self.patience_s, self.question_patience_s = patience_s, question_patience_s
        self.now = now

    def send(
        self, call: Call, patience_s: float = 0.0, also: Sequence[int] = (), silence_s: float | None = None
    ) -> Conversation[httpx.Response]:
        """Ask the nodes in turn until one answers, and all of them again while the patience lasts.

        Only what may be repeated is sent again where it may have been carried out. ``also`` has statuses that are
        answers too. With ``silence_s`` the answer is opened and not read. Raises what the answer stands for,
        Unavailable when there is none.
        """

        def attempt() -> Conversation[httpx.Response]:
            return self._ask_all(call, also, silence_s)

        return (yield from self.patiently(attempt, patience_s if call.is_repeatable else 0.0))

    def patiently(self, attempt: Callable[[], Conversation[T]], patience_s: float) -> Conversation[T]:
        """Try something again while it is Unavailable and the patience lasts."""
        retry = Retry(patience_s, self.now())
        while True:
            try:
                return (yield from attempt())
            except Unavailable as refusal:
                pause_s = retry.pause_s(self.now(), refusal.retry_after_s)
                if pause_s is None:
                    raise
            yield Pause(pause_s)

    def _ask_all(self, call: Call, also: Sequence[int], silence_s: float | None) -> Conversation[httpx.Response]:
        """Ask each node once; raises Unavailable when none can answer, with the time of the one that can soonest."""
        refusals: list[Unavailable] = []
        for url in tuple(self._urls):
            step = Send(url, call) if silence_s is None else Open(url, call, silence_s)
            try:
                return check((yield from self._attempt(step)), *also)
            except Unavailable as refusal:
                self.leave(url)
                refusals.append(refusal)
        refusals[-1].retry_after_s = min(refusal.retry_after_s for refusal in refusals)
        raise refusals[-1]

    def leave(self, url: str) -> None:
        """Ask another node first, unless another one is asked first already."""
        if self._urls[0] == url:
            self._urls.rotate(-1)

    def _attempt(self, step: Send | Open) -> Conversation[httpx.Response]:
        try:
            return (yield step)
        except httpx.RequestError as error:
            problem = failure(step.url, error)
            if isinstance(problem, Unavailable) and not step.call.is_repeatable and not isinstance(error, _NOT_REACHED):
                text = f"{step.call.method} {step.call.path}: {problem}"
                raise KillrWeatherError(
                    f"{text} It may have been carried out: look before you order it again"
                ) from error
            raise problem from (error if isinstance(problem, Unavailable) else None)


class Task(Protocol[T_co]):
    """Something that a client can do; its conversation ends with the answer."""

    def converse(self, core: Core) -> Conversation[T_co]:
        """How it is done."""


class Series(ABC, Generic[T]):
    """Something that a client can iterate over; its conversation gives the values."""

    @abstractmethod
    def converse(self, core: Core) -> Conversation[None]:
        """How it is done."""


def http_options(token: str | None, timeout_s: float, ca_file: Path | None) -> dict[str, Any]:
    """What both of httpx's clients are made with."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    verify = client_context("http.tls", ca_file) if ca_file else True
    timeout = httpx.Timeout(timeout_s, connect=min(timeout_s, _CONNECT_S))
    return {"headers": headers, "timeout": timeout, "verify": verify}


def request_of(http: httpx.Client | httpx.AsyncClient, step: Send | Open) -> httpx.Request:
    """The request that a step sends."""
    call = step.call
    request = http.build_request(
        call.method, step.url + call.path, params=call.parameters or None, content=call.body, headers=call.headers
    )
    if isinstance(step, Open):
        request.extensions["timeout"] = {**request.extensions["timeout"], "read": step.silence_s}
    return request


def _checked(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise BadRequest(f'node "{url}": expected an address such as http://127.0.0.1:8080', "url")
    return url.rstrip("/")
