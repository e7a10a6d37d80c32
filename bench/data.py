"""Data to load: real hours, shifted over as many years as wanted."""

import gzip
from collections.abc import Iterator
from pathlib import Path

import polars as pl

from killrweather.feed.demo import weather_file
from killrweather.feed.parsing import parse
from killrweather.feed.reader import read_path
from killrweather.model.observation import COLUMNS
from killrweather.settings import Feed

SAMPLES = Path(__file__).resolve().parents[2] / "shared" / "data"


def a_year() -> pl.DataFrame:
    """One year of hours of a few stations: the two sample files where they are, else the three New York airports."""
    files = [SAMPLES / "ny-2008.csv.gz", SAMPLES / "sf-2008.csv.gz"]
    if not all(file.exists() for file in files):
        files = [weather_file()]
    pieces = (piece for file in files for piece in read_path(file, Feed()))
    return pl.concat(parse(p.format, p.data, p.first_line, 2100, p.header).observations for p in pieces)


def shifted(year: pl.DataFrame, first: int, years: int, directory: Path) -> Path:
    """A CSV with the hours of ``year`` in each of these years; 29 February only where there is one."""
    path = directory / f"{first}-{first + years - 1}.csv.gz"
    with gzip.open(path, "wb", compresslevel=1) as file:
        for frame in _years(year, first, years):
            file.write(frame.select(COLUMNS).write_csv(include_header=False).encode())
    return path


def _years(year: pl.DataFrame, first: int, years: int) -> Iterator[pl.DataFrame]:
    for number in range(first, first + years):
        is_leap = number % 4 == 0 and (number % 100 != 0 or number % 400 == 0)
        frame = year.with_columns(pl.lit(number, pl.Int32).alias("year"))
        yield frame if is_leap else frame.filter(~((pl.col("month") == 2) & (pl.col("day") == 29)))
