"""What the aggregates of days, months and years must be, worked out by pandas from the rows alone."""

import pandas as pd

from killrweather.model.observation import COLUMNS

DAY = ["wsid", "year", "month", "day"]
MONTH = DAY[:3]
YEAR = DAY[:2]

TEMPERATURE = ("high", "low", "mean", "variance", "stdev", "count")
RAIN = ("precipitation", "wet_hours", "trace_hours")
HOURS = ("hours",)

AGGREGATES = {
    "daily_aggregate_temperature": (DAY, TEMPERATURE),
    "daily_aggregate_precip": (DAY, RAIN),
    "monthly_aggregate_temperature": (MONTH, TEMPERATURE),
    "monthly_aggregate_precip": (MONTH, RAIN),
    "annual_aggregate_temperature": (YEAR, TEMPERATURE),
    "year_cumulative_precip": (YEAR, RAIN),
    "raw_weather_day": (DAY, HOURS),
    "raw_weather_month": (MONTH, HOURS),
    "raw_weather_year": (YEAR, HOURS),
}
"""Each table of aggregates with the columns of its key and of its values."""


def rows_of(path) -> pd.DataFrame:
    """The rows of a 13-column CSV, missing as formats.md says: pressure 0.0 and dewpoint 999.9 too."""
    rows = pd.read_csv(path, header=None, names=list(COLUMNS), dtype={"wsid": str})
    rows["pressure"] = rows["pressure"].where(rows["pressure"] != 0.0)
    rows["dewpoint"] = rows["dewpoint"].where(rows["dewpoint"] != 999.9)
    return rows


def last_stated(rows: pd.DataFrame) -> pd.DataFrame:
    """One row an hour, each field with its last stated value, in the order of the rows."""
    return rows.groupby([*DAY, "hour"], sort=True).last().reset_index()


def aggregate(rows: pd.DataFrame, table: str) -> dict[tuple, tuple]:
    """What a table must hold, key → values: each from all its hours, a month or a year never from its days."""
    keys, columns = AGGREGATES[table]
    return {TEMPERATURE: temperature, RAIN: precipitation, HOURS: hours}[columns](rows, keys)


def temperature(rows: pd.DataFrame, keys: list[str]) -> dict[tuple, tuple]:
    """The hours of each key → (high, low, mean, variance, stdev, count)."""
    groups = last_stated(rows).dropna(subset=["temperature"]).groupby(keys)["temperature"]
    return {key: (one.max(), one.min(), one.mean(), one.var(ddof=0), one.std(ddof=0), len(one)) for key, one in groups}


def precipitation(rows: pd.DataFrame, keys: list[str]) -> dict[tuple, tuple]:
    """The hours of each key → (sum without traces, wet hours, trace hours)."""
    groups = last_stated(rows).dropna(subset=["one_hour_precip"]).groupby(keys)["one_hour_precip"]
    return {key: (one[one > 0].sum(), int((one > 0).sum()), int((one < 0).sum())) for key, one in groups}


def hours(rows: pd.DataFrame, keys: list[str]) -> dict[tuple, tuple]:
    """The hours of each key → (how many there are)."""
    return {key: (number,) for key, number in last_stated(rows).groupby(keys).size().items()}
