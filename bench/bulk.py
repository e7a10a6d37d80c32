"""Bulk load: from files through HTTP until every aggregate is stored, beside what the same services do with less."""

import statistics
from collections import Counter
from pathlib import Path

import polars as pl
from rich.console import Console

from bench.data import shifted
from bench.figures import Figure, at_least
from bench.references import bare_append, plain_consumer, quix_days
from bench.system import System
from killrweather.jobs.tables import FAMILIES

YEARS = 25
"""Years of hours in one load: with two stations 439,000 rows."""

_TABLES = (
    "raw_weather_data",
    *(table.name for family in FAMILIES for table in (family.daily, family.monthly, family.annual)),
)


def measure(system: System, year: pl.DataFrame, directory: Path, console: Console) -> list[Figure]:
    """Loads until they no longer get faster, then the figures and their references, in turns."""
    paths = [shifted(year, first, YEARS, directory) for first in (1900, 1925, 1950, 1975)]
    cold = system.load(paths[0])
    console.print(f"bulk load, cold: {cold:,.0f} rows/s")
    for path in paths[1:]:
        console.print(f"bulk load, warming up: {system.load(path):,.0f} rows/s")
    before, steps = system.cpu_s(), system.batch_steps()
    empty, full = [], []
    for path in paths[:2]:
        _truncate(system)
        empty.append(system.load(path))
        console.print(f"bulk load into empty tables: {empty[-1]:,.0f} rows/s")
        for history in paths[2:]:
            system.load(history)
        full.append(system.load(paths[1] if path is paths[0] else paths[0]))
        console.print(f"bulk load beside {2 * YEARS} years of history: {full[-1]:,.0f} rows/s")
    _explain(system, before, steps, console)
    load = statistics.median(empty + full)
    figures = [
        Figure("bulk load through HTTP until every aggregate is stored, first after a start", f"{cold:,.0f} rows/s"),
        Figure(
            "bulk load, warm, median of 4", f"{load:,.0f} rows/s", to_reach="≥ 25,000 rows/s", reached=load >= 25_000
        ),
    ]
    rows = paths[3]
    references = (
        ("the connector's bare append of the same rows, 16 KB batches", 0.6, bare_append.measure),
        ("aiokafka and execute_concurrent, raw rows only", 5.0, plain_consumer.measure),
        ("Quix Streams, daily values in its own state, nothing stored", 2.0, quix_days.measure),
    )
    for what, limit, reference in references:
        rate = reference(system.settings, rows, directory)
        console.print(f"{what}: {rate:,.0f} rows/s")
        figures.append(at_least("bulk load, warm", load, rate, what, limit))
    loaded, alone = statistics.median(full), statistics.median(empty)
    figures.append(at_least(f"bulk load beside {2 * YEARS} years of history", loaded, alone, "empty tables", 0.95))
    return figures


def _truncate(system: System) -> None:
    with system.session() as session:
        for name in _TABLES:
            session.execute(f"TRUNCATE {name}", timeout=60)


def _explain(system: System, cpu: Counter[str], steps: Counter[str], console: Console) -> None:
    """Where the time of the warm loads went: the processors' and the micro-batches'."""
    for what, before, after in (("processor", cpu, system.cpu_s()), ("micro-batch", steps, system.batch_steps())):
        spent = {name: after[name] - before[name] for name in after}
        total = sum(spent.values())
        parts = ", ".join(f"{name} {part / total:.0%}" for name, part in sorted(spent.items(), key=lambda x: -x[1]))
        console.print(f"{what} seconds of the warm loads: {total:.0f}: {parts}")
