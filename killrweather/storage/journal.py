"""The journal of touched days, by which the streams of several data centres learn of each other's raw rows.

A stream numbers its micro-batches. When the aggregates of one are stored it writes down the days that it touched, and
only then its progress, which says how far the journal goes: what is numbered so is whole and never changes.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

from cassandra import ConsistencyLevel
from cassandra.cluster import Session
from cassandra.query import BatchStatement, BatchType

from killrweather.model.day import Day
from killrweather.settings import Settings
from killrweather.storage.clock import AHEAD_US
from killrweather.storage.session import begin, prepare, result

_ROWS_A_WRITE = 50
"""Some 4 kB; Cassandra warns of a batch of more than 5."""

_WRITES_AT_ONCE = 100


class StreamKey(NamedTuple):
    """Which stream: there is one for a consumer group and its topic."""

    group_id: str
    topic: str

    def __str__(self) -> str:
        return f"{self.group_id}/{self.topic}"


@dataclass(frozen=True, slots=True)
class State:
    """How far a stream's journal goes."""

    key: StreamKey
    told_us: int
    """µs since 1970: later than every write time of the aggregates that the journal stands for."""
    journal: int
    """The number of its last entry."""


class Journal:
    """The journals of all streams in the keyspace; each stream writes its own and reads the others'.

    It is written at LOCAL_QUORUM and read at EACH_QUORUM, a majority in every data centre: the reader sees what its
    writer was acknowledged, wherever that was, and ``Unavailable`` is raised while a data centre is away.
    """

    def __init__(self, session: Session, settings: Settings):
        self._session = session
        self._own = StreamKey(settings.kafka.group_id, settings.kafka.topic.raw)
        self._insert = prepare(
            session,
            "INSERT INTO touched_day (group_id, topic, number, wsid, year, month, day)"
            f" VALUES (?, ?, ?, ?, ?, ?, ?) USING TTL {settings.cassandra.ttl.journal_s}",
        )
        self._states = prepare(session, "SELECT DISTINCT group_id, topic, clock_us, journal FROM stream_progress")
        self._select = prepare(
            session,
            "SELECT wsid, year, month, day FROM touched_day WHERE group_id = ? AND topic = ? AND number = ?",
        )
        for statement in (self._states, self._select):
            statement.consistency_level = ConsistencyLevel.name_to_value[settings.cassandra.reads_everywhere_at]

    def write(self, number: int, days: Iterable[Day]) -> None:
        """Write down the days of the micro-batch of this number; writing them again is safe."""
        batches = self._batches(number, iter(days))
        while some := [begin(self._session, batch) for batch in islice(batches, _WRITES_AT_ONCE)]:
            for each in some:
                result(each)

    def others(self) -> list[State]:
        """The other streams that keep a journal."""
        rows = result(begin(self._session, self._states))
        # A reservation is made AHEAD_US beyond the write time that was told last.
        states = (State(StreamKey(group, topic), us - AHEAD_US, number) for group, topic, us, number in rows if number)
        return [state for state in states if state.key != self._own]

    def read(self, stream: StreamKey, numbers: Sequence[int]) -> list[list[Day]]:
        """The days of the micro-batches of these numbers, in their order; none for those that have expired."""
        answers = [begin(self._session, self._select, (*stream, number)) for number in numbers]
        return [[Day(*row) for row in result(answer)] for answer in answers]

    def _batches(self, number: int, days: Iterator[Day]) -> Iterator[BatchStatement]:
        while some := list(islice(days, _ROWS_A_WRITE)):
            batch = BatchStatement(BatchType.UNLOGGED)
            for day in some:
                batch.add(self._insert, (*self._own, number, *day))
            yield batch
