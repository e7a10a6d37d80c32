"""A load that lasts: clients that send random hours, and remember what was acknowledged.

Each sender has stations of its own and sends one body after the other, again and again until it is acknowledged. So
the truth is plain: the rows of a sender's bodies, in their order, each hour with its last stated values.
"""

import io
import random
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import httpx
import pandas as pd
from pandas_truth import rows_of

from killrweather.client import Client
from killrweather.feed.reader import Piece

PATIENCE_S = 300.0
"""s that a sender goes on trying."""
_TIMEOUT_S = 30.0
_FIRST_HOUR = datetime(2011, 12, 30, 20)
_QUESTIONS = ("current", "temperature/daily?date=2012-01-01", "precipitation/annual?year=2012")


@dataclass(frozen=True)
class Acknowledged:
    """A body that was accepted: when it was first sent, when the 202 came (``time.monotonic()``), and its places."""

    began: float
    ended: float
    next_offsets: dict[int, int]


class Hours:
    """The random rows of some stations: most are the next hour, others repeat, correct, come late or cannot be read."""

    def __init__(self, seed: str, wsids: list[str], longest_pause_s: float = 0.4):
        self._random, self._longest_pause_s = random.Random(seed), longest_pause_s
        self._next = {wsid: _FIRST_HOUR + timedelta(hours=self._random.randrange(48)) for wsid in wsids}
        self._said: list[str] = []

    def body(self) -> tuple[list[str], int]:
        """Readable lines, in order, and the number of others that belong among them."""
        lines = [self._line() for _ in range(self._random.randint(10, 120))]
        self._said = (self._said + lines)[-2_000:]
        return lines, int(self._random.random() < 0.2)

    def pause_s(self) -> float:
        """How long to wait before the next body."""
        return self._random.uniform(0.0, self._longest_pause_s)

    def _line(self) -> str:
        draw, wsid = self._random.random(), self._random.choice(list(self._next))
        if self._said and draw < 0.1:
            return self._random.choice(self._said)
        hour = self._next[wsid]
        if draw < 0.2:
            hour -= timedelta(hours=self._random.randint(1, 100))
        elif draw < 0.22:
            hour -= timedelta(days=self._random.randint(5, 800))
        else:
            self._next[wsid] += timedelta(hours=1)
        rain = self._random.choice(["", "-0.1", "0.0", self._tenths(0, 300)])
        pressure = self._random.choice(["", self._tenths(9_900, 10_300)])
        temperature = self._tenths(-300, 350) if self._random.random() < 0.9 or not rain else ""
        return f"{wsid},{hour:%Y,%m,%d,%H},{temperature},,{pressure},,,,{rain},"

    def _tenths(self, low: int, high: int) -> str:
        return f"{self._random.randint(low, high) / 10:.1f}"


class _Sender(threading.Thread):
    """One client that feeds until it is told to stop."""

    def __init__(self, urls: list[str], token: str | None, hours: Hours, stopping: threading.Event):
        super().__init__(name="sender", daemon=True)
        self._urls, self._token, self._hours, self._stopping = urls, token, hours, stopping
        self.lines: list[str] = []
        self.acknowledged: list[Acknowledged] = []
        self.failure: Exception | None = None

    def run(self) -> None:
        try:
            with Client(self._urls, self._token, timeout_s=_TIMEOUT_S, patience_s=PATIENCE_S) as client:
                while not self._stopping.wait(self._hours.pause_s()):
                    self._send(client)
        except Exception as error:
            self.failure = error

    def _send(self, client: Client) -> None:
        lines, unreadable = self._hours.body()
        sent = [*lines, *["800000:00000,2012,01,01,25,1.0,,,,,,,"] * unreadable]
        piece = Piece("chaos", "csv", 1, "\n".join([*sent, ""]).encode(), None, None, ())
        began = time.monotonic()
        answer = client.feed([piece])
        if (answer.accepted, answer.rejected) != (len(lines), unreadable):
            raise AssertionError(f"{answer}: expected {len(lines)} accepted and {unreadable} rejected")
        self.lines += lines
        self.acknowledged.append(Acknowledged(began, time.monotonic(), answer.next_offsets))


class _Asker(threading.Thread):
    """One client that asks without patience, and counts what it is answered."""

    def __init__(self, url: str, token: str | None, wsids: list[str], seed: str, stopping: threading.Event):
        super().__init__(name="asker", daemon=True)
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._url, self._wsids, self._random, self._stopping = url, wsids, random.Random(seed), stopping
        self.answers: dict[str, int] = {}
        self.unclear: list[str] = []

    def run(self) -> None:
        with httpx.Client(timeout=_TIMEOUT_S, headers=self._headers) as http:
            while not self._stopping.wait(0.2):
                what = f"/weather/stations/{self._random.choice(self._wsids)}/{self._random.choice(_QUESTIONS)}"
                kind = self._ask(http, what)
                self.answers[kind] = self.answers.get(kind, 0) + 1

    def _ask(self, http: httpx.Client, what: str) -> str:
        try:
            answer = http.get(self._url + what)
        except httpx.ReadTimeout:
            self.unclear.append(f"{what}: no answer in {_TIMEOUT_S:g} s")
            return "no answer in time"
        except httpx.TransportError:
            return "no connection"
        is_clear = answer.status_code in (200, 404) or (
            answer.status_code in (429, 503) and "Retry-After" in answer.headers and answer.json()["detail"]
        )
        if not is_clear:
            self.unclear.append(f"{what}: {answer.status_code} {answer.text[:300]}")
        return str(answer.status_code)


@dataclass
class Load:
    """Senders to all nodes of one system, and one who asks the first of them."""

    urls: list[str]
    seed: int
    senders: int = 2
    stations: int = 18
    """Of each sender."""
    token: str | None = None
    _stopping: threading.Event = field(default_factory=threading.Event)
    _senders: list[_Sender] = field(default_factory=list)

    def __post_init__(self) -> None:
        for _ in range(self.senders):
            self._add_sender(self._stopping)
        wsids = [wsid for number in range(self.senders) for wsid in self._wsids(number)]
        self._asker = _Asker(self.urls[0], self.token, wsids, f"{self.seed}", self._stopping)

    def start(self) -> None:
        """Begin to send and to ask."""
        for thread in (*self._senders, self._asker):
            thread.start()

    def burst(self) -> Callable[[], None]:
        """Ten times as many senders, none of which pauses, until the result is called."""
        ending = threading.Event()
        added = [self._add_sender(ending, longest_pause_s=0.0) for _ in range(9 * self.senders)]
        for sender in added:
            sender.start()

        def end() -> None:
            ending.set()
            _join(added)

        return end

    def stop(self) -> None:
        """Send nothing more; returns when everything that was begun is acknowledged."""
        self._stopping.set()
        _join((*self._senders, self._asker))
        self.require_health()

    def require_health(self) -> None:
        """Raise what a sender failed with."""
        for sender in self._senders:
            if sender.failure:
                raise sender.failure

    def acknowledged_after(self, moment: float) -> Acknowledged | None:
        """The first body that was sent after a moment and accepted."""
        after = [
            one for sender in self._senders for one in reversed(list(sender.acknowledged[-200:])) if one.began >= moment
        ]
        return min(after, key=lambda one: one.ended, default=None)

    @property
    def bodies(self) -> int:
        """Bodies that were acknowledged so far."""
        return sum(len(sender.acknowledged) for sender in self._senders)

    @property
    def next_offsets(self) -> dict[int, int]:
        """For each partition the offset after the last acknowledged row."""
        found: dict[int, int] = {}
        for sender in self._senders:
            for one in sender.acknowledged:
                for partition, offset in one.next_offsets.items():
                    found[partition] = max(offset, found.get(partition, 0))
        return found

    @property
    def answers(self) -> dict[str, int]:
        """How often which answer came to a question."""
        return self._asker.answers

    @property
    def unclear(self) -> list[str]:
        """Answers that tell the asker neither the data nor a reason and when to ask again."""
        return self._asker.unclear

    def truth(self) -> pd.DataFrame:
        """Every acknowledged row; of one station, in the order in which they count."""
        lines = (line for sender in self._senders for line in sender.lines)
        return rows_of(io.StringIO("\n".join(lines)))

    def _add_sender(self, stopping: threading.Event, **pace: float) -> _Sender:
        number = len(self._senders)
        hours = Hours(f"{self.seed}.{number}", self._wsids(number), **pace)
        self._senders.append(_Sender(self.urls, self.token, hours, stopping))
        return self._senders[-1]

    def _wsids(self, number: int) -> list[str]:
        """The stations of a sender alone."""
        return [f"80{number + 1:04}:{one:05}" for one in range(1, self.stations + 1)]


def _join(threads: Iterable[threading.Thread]) -> None:
    for thread in threads:
        thread.join(PATIENCE_S)
        assert not thread.is_alive(), f"a {thread.name} did not come to its end in {PATIENCE_S:g} s"
