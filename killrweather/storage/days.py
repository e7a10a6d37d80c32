"""Ranges of days in the daily tables, which cluster by (year, month, day), the newest first."""

from calendar import monthrange
from datetime import date


def slice_of_days(columns: str, table: str) -> str:
    """The statement for the days of one station from a first to a last one, oldest first."""
    return (
        f"SELECT {columns} FROM {table} WHERE wsid = ?"
        " AND (year, month, day) >= (?, ?, ?) AND (year, month, day) <= (?, ?, ?)"
        " ORDER BY year ASC, month ASC, day ASC"
    )


def last_day(year: int, month: int) -> date:
    """The last day of a month."""
    return date(year, month, monthrange(year, month)[1])
