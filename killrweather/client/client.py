"""The synchronous HTTP client."""

import csv
import io
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, astuple, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import httpx
from pydantic import TypeAdapter

from killrweather.errors import (
    BadRequest,
    Forbidden,
    FormatError,
    KillrWeatherError,
    NoData,
    Refused,
    StationNotFound,
    Unavailable,
)
from killrweather.feed.formats import format_named
from killrweather.feed.reader import Piece, read_path
from killrweather.model.station import WeatherStation
from killrweather.settings import Feed
from killrweather.tls import client_context

T = TypeVar("T")

_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.1, 2.0
_FIRST_POLL_S, _LONGEST_POLL_S = 0.02, 0.2
"""Each look costs the node some milliseconds of the cores that the stream works on."""

_SHOWN_REJECTS = 100
_BODY_LIMITS = Feed(chunk_bytes=4 << 20, max_line_bytes=4 << 20)
"""Bodies small enough to be sent again, and large enough that nobody waits for the answers between them.

A line that is too long for the node is for the node to reject, which keeps what it rejects."""

_ERRORS: dict[str, type[KillrWeatherError]] = {
    "station-not-found": StationNotFound,
    "unreadable-input": FormatError,
    "forbidden": Forbidden,
}


@dataclass
class LoadResult:
    """What became of what was sent; read = accepted + rejected."""

    read: int = 0
    accepted: int = 0
    rejected: int = 0
    rejects: list[dict[str, Any]] = field(default_factory=list)
    """The first rejected rows: source, line, field, value, reason, code."""
    next_offsets: dict[int, int] = field(default_factory=dict)
    """For each partition the offset after the last accepted row."""
    seconds: float = 0.0

    failures: list[str] = field(default_factory=list)
    """Inputs that could not be read to their end, each in a line for people."""

    def add(self, piece: Piece, answer: dict[str, Any]) -> None:
        """Add the answer to the body that a piece was sent as."""
        self.read += answer["read"] + len(piece.rejects)
        self.accepted += answer["accepted"]
        self.rejected += answer["rejected"] + len(piece.rejects)
        rejects = [*(asdict(reject) for reject in piece.rejects), *answer["rejects"]]
        self.rejects += [{**reject, "source": piece.source} for reject in rejects[: _SHOWN_REJECTS - len(self.rejects)]]
        for partition, offset in answer.get("next_offsets", {}).items():
            self.next_offsets[int(partition)] = max(offset, self.next_offsets.get(int(partition), 0))


@dataclass(frozen=True)
class LoadProgress:
    """How far a load is."""

    read: int
    waiting_for: int | None = None
    """Accepted rows that can't be queried yet, while they are waited for."""


class Client:
    """A client of a node, or of several of one cluster: it goes on with the next where one is away. A context manager.

    Any node answers any request, so the order of the nodes is of no matter.
    ``patience_s`` is how long a load goes on trying while the node is away or can take no more: sending a row again
    changes nothing, so it is always safe. Questions are asked once. ``ca_file`` has the authority that signed the
    node's certificate, by default a public one.
    """

    def __init__(
        self,
        url: str | Sequence[str],
        token: str | None = None,
        timeout_s: float = 60.0,
        patience_s: float = 180.0,
        ca_file: Path | None = None,
    ):
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        verify = client_context("http.tls", ca_file) if ca_file else True
        self._urls = deque([url] if isinstance(url, str) else url)
        self._http = httpx.Client(headers=headers, timeout=timeout_s, verify=verify)
        self._patience_s = patience_s

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: Any) -> None:
        self._http.close()

    def get(self, path: str, kind: Any, **parameters: Any) -> Any:
        """The answer at a path as a value of ``kind``, for example ``tuple[DailyTemperature, ...]``.

        Raises NoData, StationNotFound, BadRequest, Unavailable: what the problem document says.
        """
        given = {name: value for name, value in parameters.items() if value is not None}
        return _adapter(kind).validate_json(self._send("GET", path, params=given).content)

    def post(self, path: str, body: bytes, **parameters: Any) -> dict[str, Any]:
        """Send a body and return the JSON answer; a body whose every row was rejected is an answer too."""
        given = {name: value for name, value in parameters.items() if value is not None}
        return self._send("POST", path, params=given, content=body).json()

    def load(
        self,
        paths: Iterable[Path],
        format: str | None = None,
        report: Callable[[LoadProgress], None] = lambda progress: None,
    ) -> LoadResult:
        """Send files, plain, .gz or .zip, a few megabytes of whole lines at a time.

        One body after the other, so that of two versions of an hour the later one wins; each is sent again while
        the node is away. A file that can't be read to its end is named in ``failures``: what was read before stays
        accepted, and the other files are sent. Raises Unavailable when the node stays away.
        """
        result, start = LoadResult(), time.monotonic()
        for path in paths:
            try:
                self._feed(read_path(path, _BODY_LIMITS, format_named(format) if format else None), result, report)
            except (FormatError, OSError) as error:
                reason = f"{path}: {error.strerror}" if isinstance(error, OSError) else str(error)
                result.failures.append(reason)
        result.seconds = time.monotonic() - start
        return result

    def feed(
        self, pieces: Iterable[Piece], report: Callable[[LoadProgress], None] = lambda progress: None
    ) -> LoadResult:
        """Send pieces as they come, one after the other. Raises Unavailable when the node stays away."""
        result, start = LoadResult(), time.monotonic()
        self._feed(pieces, result, report)
        result.seconds = time.monotonic() - start
        return result

    def store_stations(self, stations: Iterable[WeatherStation]) -> None:
        """Have the node keep these stations."""
        table = io.StringIO()
        csv.writer(table).writerows(["" if value is None else value for value in astuple(one)] for one in stations)
        self._patiently(lambda: self.post("/weather/stations", table.getvalue().encode()))

    def wait_until_stored(
        self, result: LoadResult, report: Callable[[LoadProgress], None] = lambda progress: None
    ) -> None:
        """Return when every accepted row can be queried; adds the time to the result."""
        start, pause_s = time.monotonic(), _FIRST_POLL_S
        while waiting := self._patiently(lambda: self._waiting_for(result)):
            report(LoadProgress(result.read, waiting))
            time.sleep(pause_s)
            pause_s = min(2 * pause_s, _LONGEST_POLL_S)
        result.seconds += time.monotonic() - start

    def _feed(self, pieces: Iterable[Piece], result: LoadResult, report: Callable[[LoadProgress], None]) -> None:
        for piece in pieces:
            result.add(piece, self._send_piece(piece))
            report(LoadProgress(result.read))

    def _send_piece(self, piece: Piece) -> dict[str, Any]:
        if not piece.data:
            return {"read": 0, "accepted": 0, "rejected": 0, "rejects": []}
        body = piece.data if piece.header is None else piece.header + b"\n" + piece.data
        line = piece.first_line - (0 if piece.header is None else 1)
        given = {"format": piece.format, "name": piece.source, "line": line, "wsid": piece.wsid}
        return self._patiently(lambda: self.post("/weather/data", body, **given))

    def _waiting_for(self, result: LoadResult) -> int:
        status = self._send("GET", "/status").json()
        if status["stream"] is None:
            raise Unavailable(status["problem"])
        stored = {int(partition): offset for partition, offset in status["stream"]["stored"].items()}
        missing = (offset - stored.get(partition, 0) for partition, offset in result.next_offsets.items())
        return sum(max(0, number) for number in missing)

    def _patiently(self, action: Callable[[], T]) -> T:
        deadline, wait_s = time.monotonic() + self._patience_s, _FIRST_WAIT_S
        while True:
            try:
                return action()
            except Unavailable:
                if time.monotonic() + wait_s > deadline:
                    raise
                time.sleep(wait_s)
                wait_s = min(2 * wait_s, _LONGEST_WAIT_S)

    def _send(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Ask the node that answered last, then the others: sending twice what may have been done changes nothing."""
        for left in range(len(self._urls) - 1, -1, -1):
            try:
                return self._send_to(self._urls[0], method, path, **options)
            except Unavailable:
                self._urls.rotate(-1)
                if not left:
                    raise
        raise ValueError("a client needs the address of a node")

    def _send_to(self, url: str, method: str, path: str, **options: Any) -> httpx.Response:
        try:
            response = self._http.request(method, f"{url}{path}", **options)
        except httpx.TransportError as error:
            reason = str(error) or type(error).__name__
            if "CERTIFICATE_VERIFY_FAILED" in reason:
                text = f"the certificate of {url} is not accepted: {reason}"
                raise Refused(f"{text}; expected one for this host that http.tls.ca_file vouches for") from None
            raise Unavailable(f"no node answers at {url}: {reason}; is one running (killrweather up)?") from error
        if response.is_success:
            return response
        if response.headers.get("content-type", "").startswith("application/problem+json"):
            problem = response.json()
            if problem["type"] == "nothing-accepted":
                return response
            raise _error(problem, response)
        code = response.status_code
        raise KillrWeatherError(f"{method} {response.url}: answered {code}, expected a killrweather node")


def _error(problem: dict[str, Any], response: httpx.Response) -> KillrWeatherError:
    kind, text = problem["type"], problem["detail"]
    if kind == "no-data-available":
        return NoData(text)
    if response.status_code in (429, 503):
        return Unavailable(text, float(response.headers.get("Retry-After", 1)))
    if kind == "bad-argument":
        return BadRequest(text, problem.get("argument"))
    return _ERRORS.get(kind, KillrWeatherError)(text)


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)
