"""The tables of aggregates: one row for each day, month or year of a station, clustered by it, the newest first."""

from collections.abc import Sequence
from dataclasses import fields
from typing import Any, Generic, TypeVar

from cassandra.cluster import Session

from killrweather.storage.session import execute

T = TypeVar("T")

_CLUSTERING = ("year", "month", "day")


class AggregateTable(Generic[T]):
    """Reads the values of ``kind``, whose fields are the table's columns; the stream alone writes them."""

    def __init__(self, session: Session, name: str, kind: type[T]):
        self._session, self._kind = session, kind
        self._range = session.prepare(select_range(name, columns_of(kind)))

    async def between(self, wsid: str, start: Sequence[int], end: Sequence[int]) -> tuple[T, ...]:
        """A station's values from start to end, both included, oldest first; what has no data is not there.

        ``start`` and ``end`` are (year, month, day), (year, month) or (year,), as the table is clustered.
        """
        rows = await execute(self._session, self._range, (wsid, *start, *end))
        return tuple(self._kind(*row) for row in rows)


def columns_of(kind: Any) -> tuple[str, ...]:
    """The columns of the table whose rows are values of this dataclass, in its order."""
    return tuple(field.name for field in fields(kind))


def select_range(table: str, columns: Sequence[str]) -> str:
    """The statement for a station's rows from a first to a last one, oldest first: one slice of one partition."""
    keys = [column for column in columns if column in _CLUSTERING]
    key, value = ", ".join(keys), ", ".join("?" for _ in keys)
    return (
        f"SELECT {', '.join(columns)} FROM {table} WHERE wsid = ? AND ({key}) >= ({value}) AND ({key}) <= ({value})"
        f" ORDER BY {', '.join(f'{one} ASC' for one in keys)}"
    )
