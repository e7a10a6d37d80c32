"""What each trigger interval of the stream costs: freshness against work, beside the rows of a fleet."""

import statistics
import time
from pathlib import Path

from bench import fresh
from bench.figures import Figure
from bench.steadily import ROWS_A_SECOND, STATIONS
from bench.system import System

_INTERVALS_S = (0.0, 1.0, 5.0)
_ROWS = 12


def measure(directory: Path) -> list[Figure]:
    """A system of its own for each interval."""
    systems = (System(directory / f"every-{each:g}-s", spark={"trigger_interval_s": each}) for each in _INTERVALS_S)
    return [_measured(system) for system in systems]


def _measured(system: System) -> Figure:
    system.run("up", "--detach")
    try:
        with system.session() as session, fresh.fleet_arriving(system.url):
            start, before = time.monotonic(), sum(system.cpu_s().values())
            whole_s = statistics.median(fresh.rows(system.url, session, _ROWS))
            cores = (sum(system.cpu_s().values()) - before) / (time.monotonic() - start)
    finally:
        system.run("down")
    interval_s = system.settings.spark.trigger_interval_s
    return Figure(
        f"one row until its day, month and year are readable, median at {ROWS_A_SECOND} rows/s of {STATIONS} stations, "
        f"spark.trigger_interval_s {interval_s:g}",
        f"{whole_s:.1f} s",
        f"the whole system takes {cores:.2f} cores",
    )
