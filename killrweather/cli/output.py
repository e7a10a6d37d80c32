"""How commands speak: the result on stdout, everything else on stderr."""

import dataclasses
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, SpinnerColumn, Task, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

_FILE_WIDTH = 400
"""Columns of a table that does not go to a terminal: as many as it needs."""

_RESULT = Console(width=None if sys.stdout.isatty() else _FILE_WIDTH)
NOTES = Console(stderr=True, highlight=False, soft_wrap=True)


def say(text: str, code: int = 0) -> int:
    """A line for people on stderr; returns the exit code that goes with it."""
    if text:
        NOTES.print(text, markup=False)
    return code


def print_json(value: Any) -> None:
    """The result as JSON, dataclasses as objects."""
    json.dump(plain(value), sys.stdout, indent=2)
    sys.stdout.write("\n")


def plain(value: Any) -> Any:
    """A value in what JSON has."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set)):
        return [plain(item) for item in value]
    return value if isinstance(value, (str, int, float, bool, type(None))) else str(value)


def print_table(rows: Iterable[Sequence[Any]], columns: Sequence[str], title: str | None = None) -> None:
    """The result as a table; numbers stand right, missing values are empty."""
    rows = list(rows)
    table = Table(title=title, title_justify="left", box=None, header_style="bold", pad_edge=False)
    for number, name in enumerate(columns):
        is_number = any(isinstance(row[number], (int, float)) for row in rows)
        table.add_column(name, justify="right" if is_number else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(_cell(value)) for value in row))
    _RESULT.print(table)


@contextmanager
def screen() -> Iterator[None]:
    """What is printed here takes the place of all before it, on a terminal."""
    if _RESULT.is_terminal:
        _RESULT.clear()
    yield


def print_values(values: Sequence[Any]) -> None:
    """Dataclass values of one kind as a table, their fields as columns."""
    names = [field.name for field in dataclasses.fields(values[0])]
    print_table(([getattr(value, name) for name in names] for value in values), names)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.4f}".rstrip("0").rstrip(".") or "0"
    return str(value)


class _Speed(ProgressColumn):
    """rows/s, or MB/s of a download."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        if not speed:
            return Text("")
        if task.fields.get("unit") == "bytes":
            return Text(f"{speed / 1e6:,.1f} MB/s")
        return Text(f"{speed:,.0f} {task.fields.get('unit', 'rows')}/s")


@contextmanager
def progress() -> Iterator[Progress]:
    """A progress display on stderr; without a terminal it prints nothing but what is said."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TextColumn("{task.fields[shown]}"),
        _Speed(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=NOTES, transient=False, disable=not NOTES.is_terminal) as display:
        yield display
