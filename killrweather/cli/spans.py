"""Which days, months or years a question is about: its options, and what of them is asked of the node."""

from dataclasses import dataclass
from datetime import date, datetime, timezone
from typing import Annotated, Any

import typer

from killrweather.errors import BadRequest

Year = Annotated[int, typer.Option(help="Year.")]
OneYear = Annotated[int | None, typer.Option(help="A year, instead of --start and --end.")]
OneMonth = Annotated[int | None, typer.Option(help="One month of --year, 1 to 12.")]
StartDay = Annotated[str | None, typer.Option(help="First day, YYYY-MM-DD.")]
EndDay = Annotated[str | None, typer.Option(help="Last day, YYYY-MM-DD.", show_default="as --start")]


@dataclass(frozen=True)
class Days:
    """A range of days, a year or one of its months; this year where none is named."""

    start: StartDay = None
    end: EndDay = None
    year: OneYear = None
    month: OneMonth = None

    @property
    def asked(self) -> dict[str, Any]:
        """The parameters of the request."""
        if self.start is None and self.end is None:
            first, last = _days_of(self.year or datetime.now(timezone.utc).year, self.month)
            return {"start": first, "end": last}
        if self.year is not None or self.month is not None:
            raise BadRequest("--year and --month do not go with --start and --end", "year")
        return {"start": self.start, "end": self.end or self.start}


@dataclass(frozen=True)
class Months:
    """A range of months, a year or one of its months; all where none is named."""

    start: Annotated[str | None, typer.Option(help="First month, YYYY-MM.")] = None
    end: Annotated[str | None, typer.Option(help="Last month, YYYY-MM.", show_default="as --start")] = None
    year: OneYear = None
    month: OneMonth = None

    @property
    def asked(self) -> dict[str, Any]:
        """The parameters of the request."""
        return {"start": self.start, "end": self.end or self.start, "year": self.year, "month": self.month}


@dataclass(frozen=True)
class Years:
    """A range of years, or one; all where none is named."""

    start: Annotated[int | None, typer.Option(help="First year.")] = None
    end: Annotated[int | None, typer.Option(help="Last year.", show_default="as --start")] = None
    year: OneYear = None

    @property
    def asked(self) -> dict[str, Any]:
        """The parameters of the request."""
        return {"start": self.start, "end": self.start if self.end is None else self.end, "year": self.year}


def _days_of(year: int, month: int | None) -> tuple[str, str]:
    """The first and the last day of a year or of one of its months."""
    if month is None:
        return f"{year:04}-01-01", f"{year:04}-12-31"
    try:
        first = date(year, month, 1)
    except ValueError:
        raise BadRequest(f"month {month}: expected 1 to 12", "month") from None
    last = date(year, 12, 31) if month == 12 else date.fromordinal(date(year, month + 1, 1).toordinal() - 1)
    return first.isoformat(), last.isoformat()
