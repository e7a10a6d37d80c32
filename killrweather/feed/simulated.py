"""Plausible weather of any number of stations and hours, made from a seed.

Every value is a function of seed, station, hour and what is measured, so that the same seed gives the same bytes and
nothing has to be remembered from row to row. A station's weather has a year and a day, by its latitude, and spells of
some days; rain falls from thick clouds, a part of it as a trace; some values are missing. The six-hour amount is left
out.
"""

from collections.abc import Iterator
from datetime import date, datetime, timezone
from hashlib import sha256
from math import tau

import polars as pl

from killrweather.model.observation import COLUMNS, TRACE_MM

_BLOCK_ROWS = 16_384
"""Rows that are made at a time. Always as many, since polars may give a lone row another last bit."""

_STATION, _TIME = "station", "time"
"""The columns that everything is made from: a number from 0, and hours since 1970."""

_HOURS_OF_YEAR = 365.2425 * 24
_MISSING = {"temperature": 0.01, "dewpoint": 0.02, "pressure": 0.05, "wind_direction": 0.03, "sky_condition": 0.15,
            "one_hour_precip": 0.02}  # fmt: skip
"""How often each value is missing; wind speed never is, so that no row is empty."""


def blocks(stations: int, rows: int, seed: int, start: date) -> Iterator[bytes]:
    """``rows`` lines of the hourly CSV from midnight UTC of ``start``: each hour of all stations, then the next."""
    first_hour = int(datetime(start.year, start.month, start.day, tzinfo=timezone.utc).timestamp()) // 3600
    columns = _columns(seed)
    for first in range(0, rows, _BLOCK_ROWS):
        number = pl.int_range(first, first + _BLOCK_ROWS, dtype=pl.Int64, eager=True)
        frame = pl.DataFrame({_STATION: number % stations, _TIME: number // stations + first_hour})
        for step in columns:
            frame = frame.with_columns(**step)
        made = frame.select(COLUMNS).head(rows - first)
        yield made.write_csv(include_header=False, float_precision=1, quote_style="never").encode()


def _columns(seed: int) -> list[dict[str, pl.Expr]]:
    """The columns in steps, each made from those before it."""
    dice = _Dice(seed)
    latitude = -60 + 130 * dice.of_station("latitude")
    solar_hour = (pl.col(_TIME) + (24 * dice.of_station("longitude")).floor()) % 24
    hour = pl.from_epoch(pl.col(_TIME) * 3600, time_unit="s").dt
    place = {
        "wsid": pl.format("Z{}:99999", pl.col(_STATION).cast(pl.String).str.zfill(5)),
        "year": hour.year(),
        "month": hour.month(),
        "day": hour.day(),
        "hour": hour.hour(),
        "latitude": latitude,
        "cloud": dice.spell("cloud", 36),
        "wind": dice.spell("wind", 24),
    }
    far_north = pl.col("latitude").abs()
    season = -((pl.col(_TIME) / _HOURS_OF_YEAR - 0.05) * tau).cos() * pl.col("latitude").sign()
    warmth = 28 - 0.45 * far_north + (2 + 0.22 * far_north) * season
    day = -((solar_hour - 3) / 24 * tau).cos() * (6 - 4 * pl.col("cloud"))
    change = 8 * (dice.spell("air", 72) - 0.5) + dice.of_hour("temperature") - 0.5
    rain = -3 * dice.of_hour("amount").log() * (pl.col("cloud") - 0.6)
    is_calm = pl.col("wind") < 0.12
    direction = ((70 * dice.spell("direction", 120) + 4 * dice.of_hour("direction")).floor() % 36 + 1) * 10
    weather = {
        "temperature": (warmth + day + change).clip(-80, 55),
        "pressure": 1013 + 40 * (dice.spell("pressure", 96) - 0.5) + 0.4 * dice.of_hour("pressure"),
        "wind_direction": pl.when(is_calm).then(0).otherwise(direction).cast(pl.Int32),
        "wind_speed": pl.when(is_calm).then(0.0).otherwise(14 * pl.col("wind") ** 2 + 2 * dice.of_hour("wind")),
        "sky_condition": (8 * pl.col("cloud")).round().cast(pl.Int32),
        "one_hour_precip": pl.when(pl.col("cloud") < 0.6).then(0.0).when(dice.of_hour("rain") < 0.4).then(0.0)
        .when(rain < 0.1).then(TRACE_MM).otherwise(rain.clip(0, 100)),
        "six_hour_precip": pl.lit(None, pl.Float64),
    }  # fmt: skip
    dryness = 1 + 14 * (1 - pl.col("cloud")) * dice.of_hour("dewpoint")
    moisture = {"dewpoint": (pl.col("temperature") - dryness).clip(-95, 38)}
    stated = {
        name: pl.when(dice.of_hour(f"{name} is missing") >= share).then(pl.col(name)).otherwise(None)
        for name, share in _MISSING.items()
    }
    floats = ("temperature", "dewpoint", "pressure", "wind_speed", "one_hour_precip")
    return [place, weather, moisture, stated, {name: _to_tenths(pl.col(name)) for name in floats}]


def _to_tenths(value: pl.Expr) -> pl.Expr:
    tenths = value.round(1)
    return pl.when(tenths == 0).then(0.0).otherwise(tenths)  # never -0.0


class _Dice:
    """Numbers from 0 to below 1, each always the same for a seed, a name, a station and a time."""

    def __init__(self, seed: int):
        self._seed = seed

    def of_station(self, name: str) -> pl.Expr:
        return self._roll(name, pl.lit(0, pl.Int64))

    def of_hour(self, name: str) -> pl.Expr:
        return self._roll(name, pl.col(_TIME))

    def spell(self, name: str, hours: int) -> pl.Expr:
        """What changes slowly: rolled every so many hours, and smooth between them."""
        number, part = pl.col(_TIME) // hours, (pl.col(_TIME) % hours) / hours
        before, after = self._roll(name, number), self._roll(name, number + 1)
        return before + (after - before) * part * part * (3 - 2 * part)

    def _roll(self, name: str, number: pl.Expr) -> pl.Expr:
        """A finalizer of 64 bits (splitmix64's, on a counter); products wrap around."""
        salt = int.from_bytes(sha256(f"{self._seed}/{name}".encode()).digest()[:8], "big")
        key = pl.col(_STATION).cast(pl.UInt64) * _u64(1 << 32) + (number + (1 << 31)).cast(pl.UInt64)
        mixed = key * _u64(0x9E3779B97F4A7C15) + _u64(salt)
        mixed = (mixed ^ (mixed // _u64(1 << 30))) * _u64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed // _u64(1 << 27))) * _u64(0x94D049BB133111EB)
        mixed = mixed ^ (mixed // _u64(1 << 31))
        return (mixed // _u64(1 << 11)).cast(pl.Float64) * 2.0**-53


def _u64(number: int) -> pl.Expr:
    return pl.lit(number, pl.UInt64)
