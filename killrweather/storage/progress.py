"""How far the stream is: the next offset and the epoch of each partition, owned by one generation.

Whoever raised the generation last owns the stream. Every write is a lightweight transaction on it, so a stream
that was replaced while it was out of reach cannot set progress back: it is refused and told so by ``Fenced``.
"""

from collections.abc import Iterable, Mapping
from dataclasses import astuple, dataclass, replace
from typing import Any

from cassandra import ConsistencyLevel
from cassandra.cluster import Session
from cassandra.query import BatchStatement, BatchType, PreparedStatement

from killrweather.errors import Fenced
from killrweather.settings import Settings
from killrweather.storage.session import run


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

    The session's keyspace is the configured one.
    """

    def __init__(self, session: Session, settings: Settings):
        self._session = session
        self._key = (settings.kafka.group_id, settings.kafka.topic.raw)
        self._generation: int | None = None
        self._read_generation = session.prepare(
            "SELECT generation FROM stream_progress WHERE group_id = ? AND topic = ? LIMIT 1"
        )
        self._read = session.prepare(SELECT_POSITIONS)
        # A read in serial sees what a lightweight transaction left unfinished, for example one that timed out.
        for statement in (self._read_generation, self._read):
            statement.consistency_level = ConsistencyLevel.LOCAL_SERIAL
        self._raise = session.prepare(
            "UPDATE stream_progress SET generation = ? WHERE group_id = ? AND topic = ? IF generation = ?"
        )
        self._place = session.prepare(
            "UPDATE stream_progress SET epoch_us = ?, next_offset = ?, replay_until = ?"
            " WHERE group_id = ? AND topic = ? AND partition = ? IF generation = ?"
        )
        self._advance = session.prepare(
            "UPDATE stream_progress SET next_offset = ?"
            " WHERE group_id = ? AND topic = ? AND partition = ? IF generation = ?"
        )

    @property
    def generation(self) -> int | None:
        """The generation under which this stream writes; None before ``take_ownership``."""
        return self._generation

    def take_ownership(self) -> int:
        """Raise the generation and become its owner; every earlier owner is fenced from now on."""
        while True:
            row = run(self._session, self._read_generation, self._key).one()
            current = row.generation if row else None
            raised = (current or 0) + 1
            if run(self._session, self._raise, (raised, *self._key, current)).was_applied:
                self._generation = raised
                return raised

    def read(self) -> dict[int, Position]:
        """The position of each partition that was ever seen."""
        return positions(run(self._session, self._read, self._key))

    def place(self, positions: Mapping[int, Position]) -> None:
        """Set partitions that are new, or set back for a replay: the only way in which progress goes back.

        Raises ``Fenced`` when another stream owns the topic.
        """
        self._write(
            (
                self._place,
                (*astuple(position), *self._key, partition, self._generation),
            )
            for partition, position in sorted(positions.items())
        )

    def advance(self, next_offsets: Mapping[int, int]) -> None:
        """Move the partitions to these offsets, all or none; raises ``Fenced`` when another stream owns the topic.

        After ``Unavailable`` the offsets may or may not have been written; writing them again is safe.
        """
        self._write(
            (self._advance, (offset, *self._key, partition, self._generation))
            for partition, offset in sorted(next_offsets.items())
        )

    def _write(self, changes: Iterable[tuple[PreparedStatement, tuple[object, ...]]]) -> None:
        batch = BatchStatement(BatchType.UNLOGGED, serial_consistency_level=ConsistencyLevel.LOCAL_SERIAL)
        for statement, values in changes:
            batch.add(statement, values)
        if len(batch) and not run(self._session, batch).was_applied:
            group, topic = self._key
            raise Fenced(
                f"stream {group} of topic {topic}: generation {self._generation} is no longer its owner; "
                f"another stream has taken over and this one must end"
            )
