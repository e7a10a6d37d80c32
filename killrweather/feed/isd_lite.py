"""ISD-Lite: fixed width, one station a file; numbers are ten times the value, -9999 is missing."""

from functools import lru_cache

import polars as pl

from killrweather.feed.checks import Checker, ColumnSource, Parsed
from killrweather.feed.lines import LINE, Table, split_lines
from killrweather.feed.rejects import Reject, shown
from killrweather.model.observation import TIME_COLUMNS, VALUE_FIELDS

LINE_CHARACTERS = 61

_MISSING = -9999
_STATION = "station"
_SLICES = {
    "year": (0, 4),
    "month": (5, 7),
    "day": (8, 10),
    "hour": (11, 13),
    "temperature": (13, 19),
    "dewpoint": (19, 25),
    "pressure": (25, 31),
    "wind_direction": (31, 37),
    "wind_speed": (37, 43),
    "sky_condition": (43, 49),
    "one_hour_precip": (49, 55),
    "six_hour_precip": (55, 61),
}
_GAPS = (4, 7, 10)
_IS_WHOLE = pl.col("c0").str.len_chars() == LINE_CHARACTERS
_FIELDS = [
    pl.col("c0").str.slice(start, end - start).str.strip_chars(" ").alias(f"{name}_text")
    for name, (start, end) in _SLICES.items()
]
_HAS_GAPS = pl.all_horizontal(pl.col("c0").str.slice(position, 1) == " " for position in _GAPS)


def parse(data: bytes, first_line: int, last_year: int, wsid: str) -> Parsed:
    """Observations and rejects of whole lines, all of the station ``wsid``."""
    table = split_lines(data, first_line)
    is_whole = table.rows.select(_IS_WHOLE & _HAS_GAPS).to_series()
    odd = table.rows.filter(~is_whole)
    misshapen = [_misshapen(line, text) for line, text in odd.select(LINE, "c0").iter_rows()]
    rows = table.rows.filter(is_whole).select(LINE, pl.lit(wsid).alias(_STATION), *_FIELDS)
    return _checker(last_year).check(Table(rows, table.rejects + misshapen))


def _misshapen(line: int, text: str) -> Reject:
    found = f"{len(text)} characters" if len(text) != LINE_CHARACTERS else "no blanks between year, month, day and hour"
    return Reject(line, None, shown(text), f"{found}, expected the {LINE_CHARACTERS} characters of ISD-Lite", "columns")


@lru_cache(maxsize=2)
def _checker(last_year: int) -> Checker:
    sources = {
        "wsid": ColumnSource("wsid", _STATION, pl.col(_STATION)),
        **{name: ColumnSource(name, f"{name}_text", _number(name)) for name in TIME_COLUMNS},
    }
    for field in VALUE_FIELDS:
        number = _number(field.name)
        value = pl.when(number != _MISSING).then(_tenths(field.name) if field.type is float else number)
        is_missing = number.eq_missing(_MISSING)
        sources[field.name] = ColumnSource(
            field.name, f"{field.name}_text", value, is_missing, is_converted=field.type is float
        )
    return Checker(sources, last_year)


def _number(name: str) -> pl.Expr:
    return pl.col(f"{name}_text").cast(pl.Int32, strict=False)


def _tenths(name: str) -> pl.Expr:
    """A tenth of the number, exactly: polars divides a column by 10 as times 0.1, which makes -3.9000000000000004."""
    return pl.concat_str(pl.col(f"{name}_text"), pl.lit("e-1")).cast(pl.Float64, strict=False)
