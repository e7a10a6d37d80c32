"""A month of a year."""

from typing import NamedTuple


class Month(NamedTuple):
    """A month of a year: months compare in the order of time and read as ``2008-07``."""

    year: int
    month: int

    def __str__(self) -> str:
        return f"{self.year:04}-{self.month:02}"
