"""Bulk load: from files through HTTP until every aggregate is stored, beside what the same services do with less."""

import statistics
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import polars as pl
from rich.console import Console

from bench.data import shifted
from bench.figures import Figure, at_least
from bench.references import bare_append, plain_consumer, quix_days
from bench.system import System
from killrweather.jobs.tables import FAMILIES
from killrweather.settings import Settings

YEARS = 25
"""Years of hours in one load: with two stations 439,000 rows."""

_TABLES = (
    "raw_weather_data",
    *(table.name for family in FAMILIES for table in (family.daily, family.monthly, family.annual)),
)


class Reference(NamedTuple):
    """Another way for the same rows, and what the load is to reach of it."""

    what: str
    to_reach: float
    measure: Callable[[Settings, Path, Path], float]
    """rows/s of the rows in a file, with a directory to work in."""


BARE_APPEND = Reference("the connector's bare append of the same rows, 16 KB batches", 0.6, bare_append.measure)
PLAIN_CONSUMER = Reference("aiokafka and execute_concurrent, raw rows only", 5.0, plain_consumer.measure)
QUIX = Reference("Quix Streams, daily values in its own state, nothing stored", 2.0, quix_days.measure)


def measure(system: System, year: pl.DataFrame, directory: Path, console: Console) -> list[Figure]:
    """Loads until they get hardly faster, then the figures and their references, in turns.

    The machine is shared: minutes apart one and the same work may take twice the time.
    """
    paths = [shifted(year, first, YEARS, directory) for first in (1900, 1925, 1950, 1975)]
    cold = system.load(paths[0])
    console.print(f"bulk load, cold: {cold:,.0f} rows/s")
    for path in (*paths[1:], *paths):
        console.print(f"bulk load, warming up: {system.load(path):,.0f} rows/s")
    cpu, steps = Counter[str](), Counter[str]()
    empty, full, others = [], [], defaultdict[str, list[float]](list)

    def load(path: Path, beside: str) -> float:
        before = system.cpu_s(), system.batch_steps()
        rate = system.load(path)
        cpu.update(system.cpu_s() - before[0])
        steps.update(system.batch_steps() - before[1])
        console.print(f"bulk load, {beside}: {rate:,.0f} rows/s")
        return rate

    def refer(*references: Reference) -> None:
        for reference in references:
            rate = reference.measure(system.settings, paths[3], directory)
            others[reference.what].append(rate)
            console.print(f"{reference.what}: {rate:,.0f} rows/s")

    for path in paths[:2]:
        _truncate(system)
        empty.append(load(path, "empty tables"))
        refer(BARE_APPEND, QUIX)
        for history in paths[2:]:
            system.load(history)
        full.append(load(paths[1] if path is paths[0] else paths[0], f"{2 * YEARS} years of history"))
        refer(BARE_APPEND, QUIX)
    refer(PLAIN_CONSUMER)
    for kind, spent in (("processor", cpu), ("micro-batch", steps)):
        parts = ", ".join(f"{name} {part / spent.total():.0%}" for name, part in spent.most_common())
        console.print(f"{kind} seconds of these loads: {spent.total():.0f}: {parts}")
    warm = statistics.median(empty + full)
    figures = [
        Figure("bulk load through HTTP until every aggregate is stored, first after a start", f"{cold:,.0f} rows/s"),
        Figure(
            "bulk load, warm, median of 4", f"{warm:,.0f} rows/s", to_reach="≥ 25,000 rows/s", reached=warm >= 25_000
        ),
    ]
    for each in (BARE_APPEND, PLAIN_CONSUMER, QUIX):
        rate = statistics.median(others[each.what])
        figures.append(at_least("bulk load, warm", warm, rate, each.what, each.to_reach))
    loaded, alone = statistics.median(full), statistics.median(empty)
    figures.append(at_least(f"bulk load beside {2 * YEARS} years of history", loaded, alone, "empty tables", 0.95))
    return figures


def _truncate(system: System) -> None:
    with system.session() as session:
        for name in _TABLES:
            session.execute(f"TRUNCATE {name}", timeout=60)
