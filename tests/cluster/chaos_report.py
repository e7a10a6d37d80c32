"""The outcome of a run as JSON, and as the table of docs/reliability.md."""

import json
import os
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import datetime, timezone
from pathlib import Path
from statistics import median

from chaos_run import Outcome, Recovery

from bench.figures import machine

_BEGIN, _END = "<!-- make chaos writes from here -->", "<!-- to here -->"


def write_json(path: Path, outcome: Outcome) -> None:
    """Every fault with its times, and what was found at the end."""
    about = {"machine": machine(), "date": _today(), "problems": outcome.problems}
    path.write_text(json.dumps({**about, **asdict(outcome)}, indent=1, default=str) + "\n")


def write_page(path: Path, outcome: Outcome) -> None:
    """Put the outcome between the page's marks."""
    before, rest = path.read_text(encoding="utf-8").split(_BEGIN)
    _, after = rest.split(_END)
    path.write_text(f"{before}{_BEGIN}\n\n{markdown(outcome)}\n{_END}{after}", encoding="utf-8")


def markdown(outcome: Outcome) -> str:
    """What held in words, and how long each kind of fault was felt."""
    found, counters = outcome.comparison, outcome.counters
    answers = ", ".join(f"{kind}: {number:,}" for kind, number in sorted(outcome.answers.items()))
    lines = [
        f"{_today()}, {machine()}, load average {outcome.load_average:.1f} on {os.cpu_count()} cores; "
        f"seed {outcome.seed}, {outcome.seconds / 60:.0f} minutes.",
        "",
        f"**{len(outcome.recoveries)} faults, {found.acknowledged:,} rows acknowledged in {outcome.bodies:,} bodies "
        f"({found.hours:,} hours of stations, the others repeat or correct them): "
        f"{found.lost} lost, {found.wrong} wrong** of {found.hours:,} raw rows and {found.aggregates:,} days, months "
        f"and years; {len(outcome.left)} processes or ports left over.",
        f"`status` counted {counters['accepted']:,} accepted = {counters['stored']:,} stored + "
        f"{counters['repeated']:,} repeated + {counters['rejected_by_stream']:,} rejected by the stream.",
        f"Questions asked meanwhile, by their answers: {answers}.",
        "",
        "| fault | times | running again, median | max | limit | in time | new rows stored, median | max |",
        "|---|---|---|---|---|---|---|---|",
        *(_row(name, of_one) for name, of_one in _by_fault(outcome.recoveries)),
        "",
    ]
    return "\n".join(lines)


def _by_fault(recoveries: Iterable[Recovery]) -> list[tuple[str, list[Recovery]]]:
    found: dict[str, list[Recovery]] = defaultdict(list)
    for one in recoveries:
        found[f"{one.fault.kind} `{one.fault.victim.rstrip('-0123456789')}`"].append(one)
    return sorted(found.items())


def _row(name: str, of_one: Sequence[Recovery]) -> str:
    limit = of_one[0].limit_s
    in_time = "" if limit is None else f"{sum(one.is_in_time is True for one in of_one)} of {len(of_one)}"
    cells = [
        name, len(of_one), *_spread([one.running_s for one in of_one]), "" if limit is None else f"{limit:g} s",
        in_time, *_spread([one.stored_s for one in of_one]),
    ]  # fmt: skip
    return f"| {' | '.join(map(str, cells))} |"


def _spread(seconds: Sequence[float | None]) -> tuple[str, str]:
    known = [one for one in seconds if one is not None]
    worst = "never" if len(known) < len(seconds) else f"{max(known):.1f} s"
    return f"{median(known):.1f} s" if known else "never", worst


def _today() -> str:
    return f"{datetime.now(timezone.utc):%Y-%m-%d}"
