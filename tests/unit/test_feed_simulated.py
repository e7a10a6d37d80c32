from datetime import date

import polars as pl
import pytest
from feed_stage import LAST_YEAR
from hypothesis import given, settings
from hypothesis import strategies as st

from killrweather.feed.parsing import parse
from killrweather.feed.simulated import blocks

START = date(2024, 1, 1)


def lines(stations=3, rows=200, seed=1, start=START):
    return b"".join(blocks(stations, rows, seed, start)).splitlines(keepends=True)


@pytest.fixture(scope="module")
def a_year():
    """20 stations, every hour of a year."""
    parts = [parse("csv", block, 1, LAST_YEAR) for block in blocks(20, 20 * 24 * 366, 7, START)]
    assert all(part.rejected == 0 for part in parts)
    return pl.concat(part.observations for part in parts)


@settings(max_examples=12, deadline=None)
@given(st.integers(1, 50), st.integers(1, 20_000), st.integers(-(2**40), 2**40), st.integers(0, 100))
def test_the_same_seed_gives_the_same_bytes(stations, rows, seed, fewer):
    """Fewer rows are the first of them; as many as asked for, every one of them an observation."""
    made = lines(stations, rows, seed)
    less = max(1, rows - fewer)

    assert made[:less] == lines(stations, less, seed)
    assert len(made) == rows
    assert b"-0.0" not in b"".join(made)
    assert parse("csv", b"".join(made), 1, LAST_YEAR).rejects == []


def test_another_seed_gives_other_weather():
    """Of the same stations and hours."""
    one, other = lines(seed=1), lines(seed=2)

    assert [line.split(b",")[:5] for line in one] == [line.split(b",")[:5] for line in other]
    assert sum(a == b for a, b in zip(one, other, strict=True)) < 3


def test_a_stations_weather_depends_on_neither_the_start_nor_the_others():
    """Two runs that overlap say the same of the same hour."""
    early = {line for line in lines(stations=3, rows=3 * 72) if line.startswith(b"Z00001:99999,2024,1,3,")}
    late = {line for line in lines(stations=2, rows=2 * 24, start=date(2024, 1, 3)) if line.startswith(b"Z00001")}

    assert len(early) == 24
    assert early == late


def test_hours_come_one_after_the_other_each_of_all_stations():
    """As observations come in; the last hour may be incomplete."""
    keys = [line.split(b",")[:5] for line in lines(stations=2, rows=51)]

    assert keys[:3] == [
        [b"Z00000:99999", b"2024", b"1", b"1", b"0"],
        [b"Z00001:99999", b"2024", b"1", b"1", b"0"],
        [b"Z00000:99999", b"2024", b"1", b"1", b"1"],
    ]
    assert keys[-1] == [b"Z00000:99999", b"2024", b"1", b"2", b"1"]


def test_temperature_has_a_year_and_a_day(a_year):
    """Colder stations have the larger difference of summer and winter; each day has its warm hours."""
    by_station = a_year.group_by("wsid").agg(
        pl.col("temperature").mean().alias("mean"),
        pl.col("temperature").filter(pl.col("month") == 1).mean().alias("january"),
        pl.col("temperature").filter(pl.col("month") == 7).mean().alias("july"),
    )
    season = by_station.with_columns((pl.col("july") - pl.col("january")).alias("season"))
    daily = a_year.group_by("wsid", "hour").agg(pl.col("temperature").mean()).group_by("wsid").agg(
        (pl.col("temperature").max() - pl.col("temperature").min()).alias("range")
    )  # fmt: skip
    coldest, warmest = season.sort("mean")[:5], season.sort("mean")[-5:]

    assert coldest["season"].abs().mean() > 2 * warmest["season"].abs().mean()
    assert season["season"].min() < -5
    assert season["season"].max() > 15
    assert daily["range"].min() > 3


def test_rain_falls_in_spells_and_partly_as_traces(a_year):
    """A wet hour is likelier after a wet one; some 5 to 30 % of the hours are wet, some have a trace."""
    rain = a_year.filter(pl.col("one_hour_precip").is_not_null()).sort("wsid", "year", "month", "day", "hour")
    is_wet = rain["one_hour_precip"] != 0
    after_wet = is_wet.filter(is_wet.shift(1, fill_value=False)).mean()

    assert 0.05 < is_wet.mean() < 0.3
    assert 0.01 < (rain["one_hour_precip"] == -0.1).mean() < 0.1
    assert after_wet > 2 * is_wet.mean()


def test_some_values_are_missing_and_the_dew_point_is_below_the_temperature(a_year):
    """Each field now and then, wind speed never."""
    shares = a_year.null_count().row(0, named=True)
    both = a_year.drop_nulls(["temperature", "dewpoint"])

    assert shares["wind_speed"] == 0
    assert all(0 < shares[name] < 0.2 * a_year.height for name in ("temperature", "dewpoint", "pressure"))
    assert (both["dewpoint"] < both["temperature"]).all()
