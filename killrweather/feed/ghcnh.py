"""GHCNh: NOAA's hourly data since 2025, reports of any minute, separated by ``|``, with a header.

A report belongs to the UTC hour that its own time has, as GHCNh's columns Hour and Minute do: 13:00 to 13:59 are the
hour 13, so that a routine report of 13:51 is the hour 13. Two things follow. The hours of a station-year file are all
of that year, and what fell from 12:51 to 13:51 counts for the hour and the day in which most of it fell.
ISD-Lite names that report 14 instead: it takes what was reported in the ten minutes before a full hour for that hour
(its technical document of 2006).

Of the reports of an hour
- the amount of precipitation is that of the last one that states any: reports within an hour are a running total
  (GHCNh's documentation, appendix B), so 13:15 0.65 in, 13:35 1.70 in, 13:55 1.86 in are 47.2 mm;
- every other field is that of the report nearest the top of the hour, 13:00, that states it; wind direction and speed
  come from one report.

A report with a value that can't be is rejected and the others of its hour still count. Reports of an hour follow one
another in a file; where an hour comes a second time later, it is a newer version of it.
"""

from functools import lru_cache

import polars as pl

from killrweather.feed.checks import OBSERVATION_SCHEMA, Checker, ColumnSource, Parsed, empty_reject, in_order
from killrweather.feed.ghcnh_header import DATE, MEASUREMENT, QUALITY, SEPARATOR, VALUES, GhcnhHeader
from killrweather.feed.hours import runs_of
from killrweather.feed.lines import LINE, Table, split_columns, text_column
from killrweather.feed.rejects import Code
from killrweather.feed.wsids import canonical_wsids
from killrweather.model.observation import (
    KEY_COLUMNS,
    TIME_COLUMNS,
    TRACE_MM,
    VALUE_COLUMNS,
    VALUE_FIELDS,
    WSID_EXPECTED,
    ValueField,
)

_STATION, _TIME, _MINUTE, _HOUR = "station", "time", "minute", "hour_run"
_MISSING = -9999
_ANY_DIRECTION = 999
"""Stands in published files where the wind's direction varies or is not known; formats of NOAA write it so."""

_UTC = r"^([0-9]{4})-([0-9]{2})-([0-9]{2})[T ]([0-9]{2}):([0-5][0-9])(?::[0-5][0-9](?:\.[0-9]+)?)?Z?$"
_FAILED_CHECK = r"^[^-]*[a-z]"
_SUSPECT_OR_WRONG = r"^[2367](?:[^0-9].*)?$"
_TRACE = r"^(?:T.*|2(?:[^0-9].*)?)$"
"""Codes may have their meaning behind them, such as 2-Trace; 24-hr-accum is another one."""

_RAIN = ("one_hour_precip", "six_hour_precip")


def parse(data: bytes, first_line: int, last_year: int, header: bytes) -> Parsed:
    """Observations and rejects of whole lines below ``header``; its columns are addressed by name.

    Rows that are counted are hours and rejected reports.
    """
    columns = GhcnhHeader.read(header)
    positions = {name: columns.position(name) for name in columns.read_columns}
    table = split_columns(data, first_line, len(columns.columns), SEPARATOR, list(positions.values()))
    texts = table.rows.select(LINE, *(pl.col(text_column(at)).alias(_text(name)) for name, at in positions.items()))
    runs = pl.Series(list(runs_of(data.split(b"\n")[:-1], columns.hour_of)), dtype=pl.Int64)
    rows = texts.with_columns(
        canonical_wsids(texts[_text(columns.station)]).alias(_STATION),
        _time_text(columns.time).alias(_TIME),
        runs.gather(texts[LINE] - first_line).alias(_HOUR),
    ).with_columns(pl.col(_TIME).str.extract(_UTC, 5).alias(_MINUTE))
    checker = _checker(last_year, columns.station, columns.time)
    sifted = checker.sift(Table(rows, table.rejects))
    hours = _hours(sifted.rows)
    is_empty = hours.select(pl.all_horizontal(pl.col(VALUE_COLUMNS).is_null())).to_series()
    empty = [empty_reject(line) for line in hours.filter(is_empty)[LINE]]
    observations = hours.filter(~is_empty).select(OBSERVATION_SCHEMA.names())
    return Parsed(observations, in_order(sifted.rejects + empty))


def _hours(reports: pl.DataFrame) -> pl.DataFrame:
    """One row an hour, with the line of its first report."""
    states_wind = pl.any_horizontal(pl.col("wind_direction", "wind_speed").is_not_null())
    chosen = {name: pl.col(name).drop_nulls().first() for name in VALUE_COLUMNS}
    chosen["one_hour_precip"] = pl.col("one_hour_precip").drop_nulls().last()
    for name in ("wind_direction", "wind_speed"):
        chosen[name] = pl.col(name).filter(states_wind).first()
    return (
        reports.sort(_HOUR, _MINUTE, LINE)
        .group_by(_HOUR, maintain_order=True)
        .agg(pl.col(LINE).min(), pl.col(KEY_COLUMNS).first(), *(value.alias(name) for name, value in chosen.items()))
    )


@lru_cache(maxsize=8)
def _checker(last_year: int, station: str, time: tuple[str, ...]) -> Checker:
    hour: tuple[Code, str] = ("calendar", "a time in UTC such as 2024-01-01T13:51:00")
    field = DATE if time == (DATE,) else f"{time[0]}…{time[-1]}"
    absent = ColumnSource("sky_condition", _TIME, pl.lit(None, pl.Int32), pl.lit(True))
    sources = {
        "wsid": ColumnSource(station, _text(station), pl.col(_STATION), unreadable=("wsid", WSID_EXPECTED)),
        **{
            name: ColumnSource(field, _TIME, _part_of_time(group), unreadable=hour)
            for group, name in enumerate(TIME_COLUMNS, start=1)
        },
        **{one.name: _value_source(one) if one.name in VALUES else absent for one in VALUE_FIELDS},
    }
    return Checker(sources, last_year, may_be_empty=True)


def _value_source(field: ValueField) -> ColumnSource:
    name = VALUES[field.name]
    text, quality = pl.col(_text(name)), pl.col(_text(f"{name}{QUALITY}"))
    number = text.cast(pl.Float64, strict=False)
    fails = quality.str.contains(_SUSPECT_OR_WRONG)
    if field.name not in _RAIN:
        fails |= quality.str.contains(_FAILED_CHECK)
    is_missing = (text == "") | number.eq_missing(_MISSING) | fails
    if field.name == "wind_direction":
        is_missing |= number.eq_missing(_ANY_DIRECTION)
    value = number
    if field.type is int:
        value = pl.when(number == number.round()).then(number).cast(pl.Int32, strict=False)
    if field.name in _RAIN:
        is_trace = pl.col(_text(f"{name}{MEASUREMENT}")).str.contains(_TRACE) & ~fails
        value = pl.when(is_trace).then(pl.lit(TRACE_MM)).otherwise(value)
        is_missing &= ~is_trace
    return ColumnSource(name, _text(name), pl.when(~is_missing).then(value), is_missing)


def _text(name: str) -> str:
    """Some of the columns are called like the canonical ones, so their text gets a name of its own."""
    return f"{name}_text"


def _time_text(columns: tuple[str, ...]) -> pl.Expr:
    if columns == (DATE,):
        return pl.col(_text(DATE))
    year, *parts = (pl.col(_text(name)) for name in columns)
    return pl.format("{}-{}-{}T{}:{}", year, *(part.str.zfill(2) for part in parts))


def _part_of_time(group: int) -> pl.Expr:
    return pl.col(_TIME).str.extract(_UTC, group).cast(pl.Int32, strict=False)
