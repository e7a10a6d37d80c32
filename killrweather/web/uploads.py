"""Inputs on their way to the publishers: a bounded number of pieces at once, their answers added up."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass, field, replace

from killrweather.feed.reader import Piece
from killrweather.feed.rejects import Reject
from killrweather.messages.feed import TOLD_REJECTS, ObservationsPublished, PublishObservations
from killrweather.web.answers import Ask

_AT_ONCE = 16
"""Pieces of all uploads that wait for Kafka: with feed.chunk_bytes this bounds the node's memory."""

_LIGHT_BYTES = 16_384
"""A smaller block is read in the event loop: a thread would cost more than the work."""


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """A row that is no observation: where it stands, what was wrong and what was expected."""

    source: str
    """The input: ``body``, a file, or an entry of a zip."""
    line: int
    field: str | None
    value: str
    reason: str
    code: str


@dataclass
class Tally:
    """What became of the rows so far; read = accepted + rejected."""

    read: int = 0
    accepted: int = 0
    rejected: int = 0
    rejects: list[RejectedRow] = field(default_factory=list)
    next_offsets: dict[int, int] = field(default_factory=dict)

    def count_rejects(self, source: str, rejects: tuple[Reject, ...]) -> None:
        """Rows that were rejected before they reached a publisher, which keeps them."""
        self.read += len(rejects)
        self.rejected += len(rejects)
        self._show(source, rejects)

    def count(self, source: str, answer: ObservationsPublished) -> None:
        """Rows that Kafka acknowledged or a publisher rejected."""
        self.read += answer.read
        self.accepted += answer.accepted
        self.rejected += answer.rejected
        self._show(source, answer.rejects)
        for partition, offset in answer.next_offsets.items():
            self.next_offsets[partition] = max(offset, self.next_offsets.get(partition, 0))

    def add(self, other: "Tally") -> None:
        """Add what another input gave."""
        self.read += other.read
        self.accepted += other.accepted
        self.rejected += other.rejected
        self.rejects += other.rejects[: TOLD_REJECTS - len(self.rejects)]
        for partition, offset in other.next_offsets.items():
            self.next_offsets[partition] = max(offset, self.next_offsets.get(partition, 0))

    def _show(self, source: str, rejects: Iterable[Reject]) -> None:
        """Keep the first rows by their place in the input."""
        self.rejects += [RejectedRow(source, one.line, one.field, one.value, one.reason, one.code) for one in rejects]
        self.rejects.sort(key=lambda row: (row.source, row.line))
        del self.rejects[TOLD_REJECTS:]


class Uploads:
    """The way of all uploads of this node to its publishers."""

    def __init__(self, ask: Ask):
        self._ask = ask
        self._at_once = asyncio.Semaphore(_AT_ONCE)

    async def publish(self, pieces: AsyncIterator[Piece], tally: Tally, lines_before: int = 0) -> None:
        """Publish the pieces of an input one after the other and count the answers in ``tally``.

        Lines are counted as those of a file of which the input is a part, with ``lines_before`` in it.

        Their order is kept, so that of two versions of an hour the later line wins. Returns when all are
        acknowledged; an error leaves the pieces after it unpublished.
        """
        async for piece in pieces:
            rejects = tuple(replace(reject, line=reject.line + lines_before) for reject in piece.rejects)
            if piece.data or rejects:
                first_line = piece.first_line + lines_before
                order = PublishObservations(
                    piece.format, piece.data, first_line, piece.header, piece.wsid, piece.source, rejects
                )
                async with self._at_once:
                    tally.count(piece.source, await self._ask(order))
                tally.count_rejects(piece.source, rejects)


async def in_steps(pieces: Iterator[Piece], size: int) -> AsyncIterator[Piece]:
    """What an iterator gives, each step in a thread when ``size`` bytes are too many for the event loop."""
    if size <= _LIGHT_BYTES:
        for piece in pieces:
            yield piece
        return

    def step() -> Piece | None:
        return next(pieces, None)

    while (found := await asyncio.to_thread(step)) is not None:
        yield found
