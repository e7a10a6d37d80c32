"""Hourly CSV of 13 columns: the sample files' format, and that of the raw topic's records."""

from dataclasses import replace
from functools import lru_cache

import polars as pl

from killrweather.feed.checks import Checker, ColumnSource, Parsed
from killrweather.feed.lines import split_columns, text_column
from killrweather.feed.wsids import canonical_wsids
from killrweather.model.observation import COLUMNS, TIME_COLUMNS, VALUE_FIELDS, WSID_EXPECTED, ValueField

_TEXT = {name: text_column(position) for position, name in enumerate(COLUMNS)}
_STATION = "station"


def parse(data: bytes, first_line: int, last_year: int) -> Parsed:
    """Observations and rejects of whole lines."""
    table = split_columns(data, first_line, len(COLUMNS))
    stations = canonical_wsids(table.rows[_TEXT["wsid"]]).alias(_STATION)
    return _checker(last_year).check(replace(table, rows=table.rows.with_columns(stations)))


@lru_cache(maxsize=2)
def _checker(last_year: int) -> Checker:
    sources = {
        "wsid": ColumnSource("wsid", _TEXT["wsid"], pl.col(_STATION), unreadable=("wsid", WSID_EXPECTED)),
        **{name: ColumnSource(name, _TEXT[name], _number(name, int)) for name in TIME_COLUMNS},
        **{field.name: _value_source(field) for field in VALUE_FIELDS},
    }
    return Checker(sources, last_year)


def _number(name: str, type_: type[int] | type[float]) -> pl.Expr:
    return pl.col(_TEXT[name]).cast(pl.Int32 if type_ is int else pl.Float64, strict=False)


def _value_source(field: ValueField) -> ColumnSource:
    value = _number(field.name, field.type)
    is_missing = pl.col(_TEXT[field.name]) == ""
    if field.missing is not None:
        is_missing |= value.eq_missing(field.missing)
        value = pl.when(value != field.missing).then(value)
    return ColumnSource(field.name, _TEXT[field.name], value, is_missing)
