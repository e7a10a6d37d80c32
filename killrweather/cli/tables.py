"""Results for people: tables that fit the terminal, drawings where it is wide enough, no colours in a pipe."""

import dataclasses
import os
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from rich.cells import cell_len
from rich.console import Console, JustifyMethod
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from killrweather.model.observation import TRACE_MM
from killrweather.model.sky import SKY_CONDITIONS

_FILE_WIDTH = 10_000
"""Columns of a table that does not go to a terminal: as many as it needs."""

_MOST_DECIMALS = 3

_NARROWEST, _WIDEST, _GAP = 10, 36, 2
"""Columns of a drawing beside a row."""

_NARROWEST_TEXT = 8
"""Columns of a column that folds, so that it stays legible."""

HEADINGS = {
    "wsid": "station",
    "country_code": "country",
    "state_code": "state",
    "call_sign": "call sign",
    "lat": "lat\n°",
    "long": "long\n°",
    "elevation": "elevation\nm",
    "distance_km": "distance\nkm",
    "temperature": "temp\n°C",
    "dewpoint": "dewpoint\n°C",
    "pressure": "pressure\nhPa",
    "wind_direction": "wind\n°",
    "wind_speed": "wind\nm/s",
    "sky_condition": "sky\ncode",
    "one_hour_precip": "rain 1h\nmm",
    "six_hour_precip": "rain 6h\nmm",
    "precipitation": "rain\nmm",
    "wet_hours": "wet\nhours",
    "trace_hours": "trace\nhours",
    "high": "high\n°C",
    "low": "low\n°C",
    "memory_bytes": "memory\nbytes",
    "uptime_s": "uptime\ns",
}
"""How a field is named for people, its unit in the line below."""

_TIME = ("year", "month", "day", "hour")
_SKY = "sky_condition"
_UNBROKEN = re.compile(r"[-+:., \d]{1,19}")
"""Numbers, times and most ids: where a table is too wide, other text folds first."""


@dataclasses.dataclass(frozen=True)
class Drawing:
    """A column that is drawn where there is room: ``draw(row number, width)``."""

    heading: str
    draw: Callable[[int, int], str]
    style: str = "cyan"


def console() -> Console:
    """stdout as it is now: as wide as the terminal, or as a table needs in a file or pipe."""
    return Console(width=None if sys.stdout.isatty() else _FILE_WIDTH, highlight=False)


def may_draw() -> bool:
    """stdout is a terminal that shows Unicode's blocks."""
    is_able = (sys.stdout.encoding or "").lower().startswith("utf") and os.environ.get("TERM") != "dumb"
    return sys.stdout.isatty() and is_able


def print_table(
    rows: Iterable[Sequence[Any]],
    columns: Sequence[str],
    title: str | None = None,
    drawings: Sequence[Drawing] = (),
) -> None:
    """The result as a table; numbers stand right, missing values are empty."""
    out, rows = console(), list(rows)
    drawn = table(rows, columns, title)
    if len(rows) > 1 and drawings and may_draw():
        room = out.width - _width(drawn, out)
        width = min(_WIDEST, room // len(drawings) - _GAP)
        for drawing in drawings if width >= _NARROWEST else ():
            drawn.add_column(drawing.heading, style=drawing.style, no_wrap=True)
            drawn.columns[-1]._cells += [Text(drawing.draw(number, width)) for number in range(len(rows))]
    print_rich(drawn, out)


def print_rich(shown: Any, out: Console | None = None) -> None:
    """Print what rich renders; in a file or pipe its lines end with what is in them.

    What does not fit a terminal is wrapped by it, which shows; half a number would look like a whole one.
    """
    out = out or console()
    if out.is_terminal:
        out.print(shown, crop=False)
        return
    with out.capture() as captured:  # rich would end the program where whoever reads a pipe has left
        out.print(shown)
    print("\n".join(line.rstrip() for line in captured.get().splitlines()))


def table(rows: Sequence[Sequence[Any]], columns: Sequence[str], title: str | None = None) -> Table:
    """The table itself; text folds where it does not fit, numbers never, and their points stand below each other."""
    has_header = any(columns)
    made = Table(
        title=title, title_justify="left", box=None, header_style="bold", pad_edge=False, show_header=has_header
    )
    texts = []
    for name, values in zip(columns, list(zip(*rows, strict=True)) or [()] * len(columns), strict=True):
        decimals = max((_decimals(value) for value in values if isinstance(value, float)), default=0)
        texts.append([cell(value, decimals) for value in values])
        shown = [text for text in texts[-1] if text]
        is_unbroken = all(map(_UNBROKEN.fullmatch, shown))
        justify: JustifyMethod = "right" if all(map(_is_number, shown)) else "left"
        width = max(map(cell_len, shown), default=0)
        narrowest = width if is_unbroken else min(width, _NARROWEST_TEXT)
        made.add_column(name, justify=justify, overflow="fold", no_wrap=is_unbroken, min_width=narrowest)
    for row in zip(*texts, strict=True):
        made.add_row(*map(Text, row))
    narrowest = sum(column.min_width or 0 for column in made.columns) + _GAP * (len(made.columns) - 1)
    if narrowest > console().width:
        made.width = narrowest
    return made


def print_values(values: Sequence[Any], dispensable: Sequence[Sequence[str]] = ()) -> None:
    """Dataclass values of one kind as a table; what has a time begins with it, and leaves the station out.

    ``dispensable`` are groups of fields that are left out, from the first on, while a terminal is too narrow for all.
    """
    out = console()
    for most in range(len(dispensable) + 1):
        made = _table_of(values, [name for group in dispensable[:most] for name in group])
        if _width(made, out) <= out.width:
            break
    print_rich(made, out)


def _table_of(values: Sequence[Any], without: Sequence[str]) -> Table:
    names = [field.name for field in dataclasses.fields(values[0])]
    times = [name for name in _TIME if name in names]
    others = [name for name in names if not (name in times or name in without or (times and name == "wsid"))]
    rows = [
        [*([time_of(one)] if times else []), *(_shown(name, getattr(one, name)) for name in others)] for one in values
    ]
    return table(rows, [*times[-1:], *(heading(name) for name in others)])


def _width(drawn: Table, out: Console) -> int:
    """Columns of a table whose text does not fold."""
    return Measurement.get(out, out.options.update(width=_FILE_WIDTH), drawn).maximum


def print_value(value: Any) -> None:
    """One dataclass value, a line for each field that has something to say."""
    names = [field.name for field in dataclasses.fields(value)]
    times = [name for name in _TIME if name in names]
    rows = []
    for name in names:
        shown = getattr(value, name)
        if name in times[-1:]:
            rows.append((name, time_of(value), "UTC" if name == "hour" else ""))
        elif name not in times and shown is not None:
            title, _, unit = heading(name).partition("\n")
            rows.append((title, _field(_shown(name, shown)), SKY_CONDITIONS[shown].text if name == _SKY else unit))
    print_table(rows, ["", "", ""])


def _field(value: Any) -> str:
    return cell(value, _decimals(value) if isinstance(value, float) else 0)


def heading(name: str) -> str:
    """What people read for a field's name, with its unit in the second line."""
    return HEADINGS.get(name, name.replace("_", " "))


def time_of(value: Any) -> str:
    """The year, month, day or hour of a value, for example ``2013-07-01 05:00``."""
    numbers = [f"{getattr(value, name):02}" for name in _TIME if hasattr(value, name)]
    return "-".join(numbers[:3]) + (f" {numbers[3]}:00" if len(numbers) > 3 else "")


def cell(value: Any, decimals: int) -> str:
    """A value in a table, a float with so many decimals."""
    if value is None:
        return ""
    return f"{value:.{decimals}f}" if isinstance(value, float) else str(value)


def _decimals(value: float) -> int:
    """How many decimals people are shown of a value; JSON and CSV have all."""
    return len(f"{value:.{_MOST_DECIMALS}f}".rstrip("0").partition(".")[2])


def _is_number(text: str) -> bool:
    try:
        float(text.replace(",", ""))
    except ValueError:
        return False
    return True


def _shown(name: str, value: Any) -> Any:
    return "trace" if name.endswith("_precip") and value == TRACE_MM else value
