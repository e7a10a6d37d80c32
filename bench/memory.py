"""What the stream's driver holds after a million rows, and after ten million more of ever new stations."""

from pathlib import Path

import polars as pl

from bench.bulk import YEARS
from bench.data import shifted
from bench.figures import Figure
from bench.system import System

_FEW, _MANY = 1_000_000, 10_000_000
_DRIVER = ("Spark's JVM", "Spark's Python")


def measure(system: System, year: pl.DataFrame, directory: Path) -> list[Figure]:
    """The memory (PSS) of a stream that has just been started, once so many rows have come through it."""
    system.run("down")
    system.run("up", "--detach")
    rows, loads, held = 0, 0, []
    for limit in (_FEW, _MANY):
        while rows < limit:
            path = shifted(_of_other_stations(year, loads), 1975, YEARS, directory)
            rows += system.load_rows(path)
            loads += 1
        held.append(sum(system.memory_bytes(only) for only in _DRIVER))
    few, many = held
    return [
        Figure(
            f"memory of the stream's driver after {_MANY / 1e6:.0f} million rows",
            f"{many / 2**20:,.0f} MiB",
            f"after {_FEW / 1e6:.0f} million: {few / 2**20:,.0f} MiB",
            many / few,
            "≤ 1.1",
            many / few <= 1.1,
        )
    ]


def _of_other_stations(year: pl.DataFrame, number: int) -> pl.DataFrame:
    return year.with_columns(pl.concat_str(pl.lit(f"{100_000 + number}:"), pl.col("wsid").str.slice(7)).alias("wsid"))
