"""A measured figure beside its reference, and how a run of them is shown and kept."""

import json
import os
import platform
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path

import psutil
from rich.table import Table


@dataclass(frozen=True, slots=True)
class Figure:
    """What was measured, with its unit; ``ratio`` is to the reference that was measured in the same run."""

    name: str
    measured: str
    reference: str = ""
    ratio: float | None = None
    to_reach: str = ""
    reached: bool | None = None


def at_least(name: str, value: float, reference: float, what: str, limit: float, unit: str = "rows/s") -> Figure:
    """A rate that is to be at least ``limit`` times its reference."""
    ratio = value / reference
    return Figure(
        name, f"{value:,.0f} {unit}", f"{what}: {reference:,.0f} {unit}", ratio, f"≥ {limit:g}", ratio >= limit
    )


def at_most(name: str, seconds: float, reference_s: float, what: str, limit: float) -> Figure:
    """A time that is to be at most ``limit`` times its reference."""
    ratio = seconds / reference_s
    return Figure(name, _time(seconds), f"{what}: {_time(reference_s)}", ratio, f"≤ {limit:g}", ratio <= limit)


def machine() -> str:
    """The machine that this runs on, in words."""
    memory_gib = psutil.virtual_memory().total / 2**30
    return f"{os.cpu_count()} cores, {memory_gib:.0f} GiB, Python {platform.python_version()}"


def table(figures: Iterable[Figure]) -> Table:
    """The figures for a terminal."""
    shown = Table("figure", "measured", "reference", "ratio", "to reach", title=f"{machine()}, {_today()}")
    for each in figures:
        style = "" if each.reached is None else "green" if each.reached else "red"
        ratio = "" if each.ratio is None else f"{each.ratio:.2f}"
        shown.add_row(each.name, each.measured, each.reference, ratio, each.to_reach, style=style)
    return shown


def write(path: Path, figures: Sequence[Figure]) -> None:
    """The figures as JSON."""
    path.write_text(
        json.dumps({"machine": machine(), "date": _today(), "figures": [asdict(each) for each in figures]}, indent=1)
    )


def _today() -> str:
    return f"{datetime.now(timezone.utc):%Y-%m-%d}"


def _time(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms" if seconds < 0.1 else f"{seconds:.3f} s"
