"""What a day's aggregates must be, worked out by pandas from the rows alone."""

import pandas as pd

from killrweather.model.observation import COLUMNS

KEYS = ["wsid", "year", "month", "day"]


def rows_of(path) -> pd.DataFrame:
    """The rows of a 13-column CSV, missing as formats.md says: pressure 0.0 and dewpoint 999.9 too."""
    rows = pd.read_csv(path, header=None, names=list(COLUMNS), dtype={"wsid": str})
    rows["pressure"] = rows["pressure"].where(rows["pressure"] != 0.0)
    rows["dewpoint"] = rows["dewpoint"].where(rows["dewpoint"] != 999.9)
    return rows


def last_stated(rows: pd.DataFrame) -> pd.DataFrame:
    """One row an hour, each field with its last stated value, in the order of the rows."""
    return rows.groupby([*KEYS, "hour"], sort=True).last().reset_index()


def daily_temperature(rows: pd.DataFrame) -> dict[tuple, tuple]:
    """(wsid, year, month, day) → (high, low, mean, variance, stdev, count)."""
    days = last_stated(rows).dropna(subset=["temperature"]).groupby(KEYS)["temperature"]
    return {key: (day.max(), day.min(), day.mean(), day.var(ddof=0), day.std(ddof=0), len(day)) for key, day in days}


def daily_precipitation(rows: pd.DataFrame) -> dict[tuple, tuple]:
    """(wsid, year, month, day) → (sum without traces, wet hours, trace hours)."""
    days = last_stated(rows).dropna(subset=["one_hour_precip"]).groupby(KEYS)["one_hour_precip"]
    return {key: (day[day > 0].sum(), int((day > 0).sum()), int((day < 0).sum())) for key, day in days}
