"""Several data centres: the days that other streams touched are recomputed from the raw rows of all.

Each data centre has a stream of its own. While they are cut off from each other, a day that is fed on both sides is
computed on each from its own rows only. So every stream keeps a journal of the days it touched, and beside its
micro-batches follows the journals of the others:

1. It passes the other's clock: whatever it computes from now on, its own micro-batches included, has a later write
   time than all that the other's journal stands for.
2. It recomputes the entry's days, months and years like its own, but reads at EACH_QUORUM, a majority of the replicas
   in every data centre: it sees every row that was stored before the entry, on either side.
3. It notes the entry's number in its own progress.

A day of which raw rows may have expired (``cassandra.ttl.raw_s``) stays as it is; its month is merged like any other.

Whatever dies in between is done again. While a data centre is away, 2 fails and is tried again; micro-batches go on.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime, timedelta, timezone
from functools import partial

from cassandra.cluster import Session

from killrweather.errors import Unavailable
from killrweather.jobs.by_driver import ByDriver
from killrweather.jobs.events import Events
from killrweather.jobs.patience import summary
from killrweather.jobs.retention import first_whole_day
from killrweather.model.day import Day
from killrweather.settings import Settings
from killrweather.storage.journal import Journal, State
from killrweather.storage.progress import Progress

_INTERVAL_S = 0.5
"""Between two looks at the other journals: one small read in each data centre."""

_ENTRIES_A_TURN = 100

_DAYS_AT_ONCE = 1_000
"""Half a second of work for the driver."""

_READS_LIMIT = timedelta(minutes=1)
"""Longer than the driver reads them: a day must not lose rows meanwhile."""


class Reconciler:
    """Follows the journals of the other streams, and tells how far it is; raw rows live for ``ttl_s``, or for ever."""

    def __init__(
        self, journal: Journal, by_driver: ByDriver, progress: Progress, tell: Callable[..., None], ttl_s: int = 0
    ):
        self._journal, self._by_driver, self._progress, self._tell = journal, by_driver, progress, tell
        self._ttl_s = ttl_s
        self._done = progress.read_reconciled()
        self._has_expired: set[str] = set()

    @classmethod
    def open(cls, session: Session, progress: Progress, settings: Settings, events: Events) -> "Reconciler":
        """Prepare everything; raises ``Unavailable``."""
        by_driver = ByDriver(session, progress.write_time, settings.cassandra.reads_everywhere_at)
        return cls(Journal(session, settings), by_driver, progress, events.tell, settings.cassandra.ttl.raw_s)

    def turn(self) -> int:
        """Recompute what the next entries of each journal say; how many entries there were.

        Raises ``Unavailable`` while a data centre is away, and ``Fenced`` when another stream has taken over.
        """
        return sum(self._follow(other) for other in self._journal.others())

    def _follow(self, other: State) -> int:
        self._progress.begin_after(other.told_us)
        name = str(other.key)
        done = self._done.get(name, 0)
        numbers = range(done + 1, min(other.journal, done + _ENTRIES_A_TURN) + 1)
        if not numbers:
            return 0
        entries = self._journal.read(other.key, numbers)
        self._note_expired(name, [number for number, entry in zip(numbers, entries, strict=True) if not entry])
        days = self._recompute(entries)
        self._progress.reconcile(name, numbers[-1])
        self._done[name] = numbers[-1]
        self._tell("reconciled", stream=name, number=numbers[-1], of=other.journal, days=days)
        return len(numbers)

    def _recompute(self, entries: Sequence[Sequence[Day]]) -> int:
        days = sorted({day for entry in entries for day in entry})
        for first in range(0, len(days), _DAYS_AT_ONCE):
            some = days[first : first + _DAYS_AT_ONCE]
            whole = first_whole_day(datetime.now(timezone.utc) + _READS_LIMIT, self._ttl_s)
            self._by_driver.days([day for day in some if whole is None or date(*day[1:]) >= whole])
            self._by_driver.merge(day[:3] for day in some)
        return len(days)

    def _note_expired(self, name: str, numbers: Sequence[int]) -> None:
        if numbers and name not in self._has_expired:
            self._has_expired.add(name)
            text = (
                f"stream {name}: entries of its journal from number {numbers[0]} on have expired "
                "(cassandra.ttl.journal_s) before they were followed; run: killrweather recompute"
            )
            self._tell("expired", text=text)


@contextmanager
def reconciling(
    session: Session, progress: Progress, settings: Settings, events: Events, fail: Callable[[Exception], None]
) -> Iterator[None]:
    """Follow the other streams' journals meanwhile, in a thread, if the keyspace spans data centres.

    ``fail`` hears of an error that another try would not mend, for example ``Fenced``.
    """
    ending = threading.Event()
    if settings.cassandra.spans_data_centres:
        work = (partial(Reconciler.open, session, progress, settings, events), events, ending, fail)
        threading.Thread(target=_reconcile, args=work, name="reconcile", daemon=True).start()
    try:
        yield
    finally:
        ending.set()


def _reconcile(
    make: Callable[[], Reconciler], events: Events, ending: threading.Event, fail: Callable[[Exception], None]
) -> None:
    reconciler, is_apart = None, False
    while not ending.is_set():
        try:
            reconciler = reconciler or make()
            if not reconciler.turn():
                ending.wait(_INTERVAL_S)
            is_apart = False
        except Unavailable as error:
            if not is_apart:
                events.tell("apart", text=summary(error))
            is_apart = True
            ending.wait(_INTERVAL_S)
        except Exception as error:
            if not ending.is_set():
                fail(error)
            return
