"""What becomes of what is sent."""

from dataclasses import asdict, dataclass, field
from typing import Any

from killrweather.feed.reader import Piece

SHOWN_REJECTS = 100


@dataclass
class LoadResult:
    """What became of what was sent; read = accepted + rejected."""

    read: int = 0
    accepted: int = 0
    rejected: int = 0
    rejects: list[dict[str, Any]] = field(default_factory=list)
    """The first 100 rejected rows: source, line, field, value, reason, code."""
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
        self.rejects += [{**reject, "source": piece.source} for reject in rejects[: SHOWN_REJECTS - len(self.rejects)]]
        for partition, offset in answer.get("next_offsets", {}).items():
            self.next_offsets[int(partition)] = max(offset, self.next_offsets.get(int(partition), 0))


@dataclass(frozen=True)
class LoadProgress:
    """How far a load is."""

    read: int
    waiting_for: int | None = None
    """Accepted rows that can't be queried yet, while they are waited for."""
