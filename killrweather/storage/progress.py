"""How far the stream is: the next offset and the epoch of each partition, owned by one generation.

Whoever raised the generation last owns the stream. Every write is a lightweight transaction on it, so a stream
that was replaced while it was out of reach cannot set progress back: it is refused and told so by ``Fenced``.

Each of these writes also reserves the write times that the owner may use, see ``clock``.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass, replace
from datetime import datetime, timezone
from functools import partial
from typing import Any

from cassandra import ConsistencyLevel
from cassandra.cluster import Session
from cassandra.query import BatchStatement, BatchType, PreparedStatement

from killrweather.errors import Fenced
from killrweather.settings import Settings
from killrweather.storage.clock import WriteClock
from killrweather.storage.session import run

Change = tuple[PreparedStatement, tuple[object, ...]]


@dataclass(frozen=True, slots=True)
class Position:
    """The place in one partition before which everything is stored and aggregated."""

    epoch_us: int
    """µs since 1970 when the partition was first seen; a row's write time is this plus its offset."""
    next_offset: int
    replay_until: int = 0
    """Where the last replay ends: what lies before it was stored before. 0 = the partition was never replayed."""

    @property
    def reached(self) -> int:
        """Every record before this offset was stored at least once; beyond ``next_offset`` only during a replay."""
        return max(self.next_offset, self.replay_until)

    def back_at(self, offset: int) -> "Position":
        """The position from which the records from this offset on are read again; an offset ahead changes nothing."""
        if offset >= self.next_offset:
            return self
        return replace(self, next_offset=offset, replay_until=self.reached)


SELECT_POSITIONS = (
    "SELECT partition, epoch_us, next_offset, replay_until FROM stream_progress WHERE group_id = ? AND topic = ?"
)


def positions(rows: Iterable[tuple[Any, ...]]) -> dict[int, Position]:
    """The position of each partition, from the rows of ``SELECT_POSITIONS``; a generation alone has no partition."""
    return {
        partition: Position(epoch_us, next_offset, replay_until or 0)
        for partition, epoch_us, next_offset, replay_until in rows
        if partition is not None
    }


class Progress:
    """The progress of one consumer group in one topic, as its owner or, before ``take_ownership``, as a reader.

    The session's keyspace is the configured one. A process that owns the stream again and again passes the same
    ``clock`` each time: then it need not wait out its own reservation.
    """

    def __init__(self, session: Session, settings: Settings, clock: WriteClock | None = None):
        self._session = session
        self._clock = clock or WriteClock()
        self._key = (settings.kafka.group_id, settings.kafka.topic.raw)
        self._generation: int | None = None
        self._journal = 0
        self._newest: datetime | None = None
        self._read_generation = session.prepare(
            "SELECT generation, clock_us, journal, newest FROM stream_progress WHERE group_id = ? AND topic = ? LIMIT 1"
        )
        self._read = session.prepare(SELECT_POSITIONS)
        self._read_reconciled = session.prepare(
            "SELECT reconciled FROM stream_progress WHERE group_id = ? AND topic = ? LIMIT 1"
        )
        # A read in serial sees what a lightweight transaction left unfinished, for example one that timed out.
        for statement in (self._read_generation, self._read, self._read_reconciled):
            statement.consistency_level = ConsistencyLevel.LOCAL_SERIAL
        self._raise = session.prepare(
            "UPDATE stream_progress SET generation = ?, clock_us = ?"
            " WHERE group_id = ? AND topic = ? IF generation = ? AND clock_us = ?"
        )
        self._reserve = session.prepare(
            "UPDATE stream_progress SET clock_us = ? WHERE group_id = ? AND topic = ? IF generation = ?"
        )
        self._place = session.prepare(
            "UPDATE stream_progress SET epoch_us = ?, next_offset = ?, replay_until = ?"
            " WHERE group_id = ? AND topic = ? AND partition = ? IF generation = ?"
        )
        self._advance = session.prepare(
            "UPDATE stream_progress SET next_offset = ?"
            " WHERE group_id = ? AND topic = ? AND partition = ? IF generation = ?"
        )

        self._write_journal = session.prepare(
            "UPDATE stream_progress SET journal = ? WHERE group_id = ? AND topic = ? IF generation = ?"
        )
        self._write_newest = session.prepare(
            "UPDATE stream_progress SET newest = ? WHERE group_id = ? AND topic = ? IF generation = ?"
        )
        self._reconcile = session.prepare(
            "UPDATE stream_progress SET reconciled[?] = ? WHERE group_id = ? AND topic = ? IF generation = ?"
        )

    @property
    def generation(self) -> int | None:
        """The generation under which this stream writes; None before ``take_ownership``."""
        return self._generation

    def take_ownership(self) -> int:
        """Raise the generation and become its owner; every earlier owner is fenced from now on.

        It may still write aggregates, but with write times that it has reserved: all of this owner's are later.
        """
        while True:
            row = run(self._session, self._read_generation, self._key).one()
            current, reserved_us, journal = (row.generation, row.clock_us, row.journal) if row else (None, None, None)
            if reserved_us is not None:
                self._clock.begin_after(reserved_us)
            raised = (current or 0) + 1
            if self._clock.reserve(partial(self._raise_from, raised, current, reserved_us)):
                self._generation, self._journal = raised, journal or 0
                self._newest = row.newest.replace(tzinfo=timezone.utc) if row and row.newest else None
                return raised

    def write_time(self) -> int:
        """A write time in µs for an aggregate whose parts are read from now on; later than all before, of any owner.

        Raises ``Fenced`` when the reservation is used up and another stream owns the topic, ``Unavailable`` when it
        is used up and Cassandra is away.
        """
        return self._clock.tell(lambda: self._write(()))

    def begin_after(self, us: int) -> None:
        """Tell no write time before this from now on."""
        self._clock.begin_after(us)

    @property
    def newest(self) -> datetime | None:
        """The newest hour that any micro-batch has stored; None before the first."""
        return self._newest

    @property
    def next_journal(self) -> int:
        """The number under which the next micro-batch writes down its days."""
        return self._journal + 1

    def read_reconciled(self) -> dict[str, int]:
        """How far this stream has followed the journals of others, by their names."""
        row = run(self._session, self._read_reconciled, self._key).one()
        return dict(row.reconciled or {}) if row else {}

    def reconcile(self, stream: str, number: int) -> None:
        """Note that another stream's journal is followed up to this number; raises ``Fenced`` like ``advance``."""
        self._write([(self._reconcile, (stream, number, *self._key, self._generation))])

    def read(self) -> dict[int, Position]:
        """The position of each partition that was ever seen."""
        return positions(run(self._session, self._read, self._key))

    def place(self, positions: Mapping[int, Position]) -> None:
        """Set partitions that are new, or set back for a replay: the only way in which progress goes back.

        Raises ``Fenced`` when another stream owns the topic.
        """
        self._write(
            [
                (self._place, (*astuple(position), *self._key, partition, self._generation))
                for partition, position in sorted(positions.items())
            ]
        )

    def advance(
        self, next_offsets: Mapping[int, int], journal: int | None = None, newest: datetime | None = None
    ) -> None:
        """Move the partitions to these offsets, all or none; raises ``Fenced`` when another stream owns the topic.

        With the number of the micro-batch if its days are in the journal, and the newest hour that it stored. After
        ``Unavailable`` the offsets may or may not have been written; writing them again is safe.
        """
        changes: list[Change] = [
            (self._advance, (offset, *self._key, partition, self._generation))
            for partition, offset in sorted(next_offsets.items())
        ]
        if journal is not None:
            changes.append((self._write_journal, (journal, *self._key, self._generation)))
        is_newer = newest is not None and (self._newest is None or newest > self._newest)
        if is_newer:
            changes.append((self._write_newest, (newest, *self._key, self._generation)))
        self._write(changes)
        self._journal = journal or self._journal
        self._newest = newest if is_newer else self._newest

    def _write(self, changes: Sequence[Change]) -> None:
        """Make these changes and reserve write times, all or nothing."""
        if not self._clock.reserve(partial(self._apply, changes)):
            group, topic = self._key
            raise Fenced(
                f"stream {group} of topic {topic}: generation {self._generation} is no longer its owner; "
                f"another stream has taken over and this one stands by"
            )

    def _apply(self, changes: Sequence[Change], until_us: int) -> bool:
        batch = BatchStatement(BatchType.UNLOGGED, serial_consistency_level=ConsistencyLevel.LOCAL_SERIAL)
        for statement, values in (*changes, (self._reserve, (until_us, *self._key, self._generation))):
            batch.add(statement, values)
        return bool(run(self._session, batch).was_applied)

    def _raise_from(self, raised: int, current: int | None, reserved_us: int | None, until_us: int) -> bool:
        values = (raised, until_us, *self._key, current, reserved_us)
        return bool(run(self._session, self._raise, values).was_applied)
