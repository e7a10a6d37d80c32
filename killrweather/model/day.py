"""A day of a station."""

from typing import NamedTuple


class Day(NamedTuple):
    """A station's UTC day: what is recomputed from raw rows, and what a journal tells of."""

    wsid: str
    year: int
    month: int
    day: int
