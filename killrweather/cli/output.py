"""How commands speak: the result on stdout, everything else on stderr."""

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import TextIOWrapper
from typing import Any, TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, SpinnerColumn, Task, TextColumn, TimeElapsedColumn
from rich.text import Text

from killrweather.cli.options import AsCsv, AsJson
from killrweather.cli.rows import columns_of, plain, rows_of, write_csv
from killrweather.errors import BadRequest, KillrWeatherError

NOTES = Console(stderr=True, highlight=False, soft_wrap=True)


@dataclass(frozen=True)
class Output:
    """The form in which a command's result goes to stdout: for people, as JSON or as CSV."""

    as_json: AsJson = False
    as_csv: AsCsv = False

    def __post_init__(self) -> None:
        if self.as_json and self.as_csv:
            raise BadRequest("--json came with --csv: expected one of them", "csv")

    @property
    def is_for_people(self) -> bool:
        """Neither JSON nor CSV was asked for."""
        return not (self.as_json or self.as_csv)

    def print(self, result: Any, show: Callable[[], Any], rows: Any = None, kind: Any = None) -> None:
        """Print a result as it is asked for; ``show`` prints it for people.

        ``rows`` are CSV's where they are not the result itself, ``kind`` is their dataclass: its fields are the
        columns even where there are no rows.
        """
        with reader_may_leave():
            if self.as_json:
                print_json(result)
            elif self.as_csv:
                lines = rows_of(result if rows is None else rows)
                write_csv(lines, columns_of(lines, kind), csv_out())
            else:
                show()


def prepare_stdout() -> None:
    """Have stdout take whatever is written for people: a character that its encoding does not have is a ?.

    Where it is closed, the result goes nowhere.
    """
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - as long as the process
    elif isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")


def csv_out() -> TextIO:
    """stdout for CSV, which is UTF-8 wherever it is written; JSON is ASCII anyway."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8")
    return sys.stdout


@contextmanager
def reader_may_leave() -> Iterator[None]:
    """Write to stdout; whoever reads it may have seen enough, as head(1) has, and that is no failure.

    Raises KillrWeatherError where it cannot be written to, as on a full disk.
    """
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        _abandon_stdout()
    except OSError as error:
        if error.filename is not None:  # of a file that was read meanwhile
            raise
        _abandon_stdout()
        raise KillrWeatherError(f"stdout: {error.strerror}; the result is not complete") from None


def _abandon_stdout() -> None:
    """Have what Python would flush at its end go nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def say(text: str, code: int = 0) -> int:
    """A line for people on stderr; returns the exit code that goes with it."""
    if text:
        NOTES.print(text, markup=False)
    return code


def print_json(value: Any) -> None:
    """The result as JSON, dataclasses as objects."""
    json.dump(plain(value), sys.stdout, indent=2)
    sys.stdout.write("\n")


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
