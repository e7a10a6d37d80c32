"""``killrweather simulate``: plausible data of any size."""

import sys
import time
from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta, timezone
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from killrweather.cli.load import show, summary
from killrweather.cli.options import ConfigFiles, HomeDirectory, environment
from killrweather.cli.output import Output, progress, reader_may_leave
from killrweather.errors import BadRequest, KillrWeatherError

if TYPE_CHECKING:
    from killrweather.cli.options import Environment
    from killrweather.feed import Piece

_BODIES_A_SECOND = 4
_MAX_BODY_ROWS = 50_000


def run(
    stations: Annotated[int, typer.Option(help="How many stations, Z00000:99999 and on.", min=1, max=100_000)],
    days: Annotated[int | None, typer.Option(help="How many days of each.", min=1, show_default="1")] = None,
    rows: Annotated[int | None, typer.Option(help="How many rows in all, instead of --days.", min=1)] = None,
    rate: Annotated[float | None, typer.Option(help="Feed the running system, rows a second.", min=0.01)] = None,
    seed: Annotated[int, typer.Option(help="The same seed gives the same bytes.")] = 1,
    start: Annotated[str, typer.Option(help="First day, YYYY-MM-DD.")] = "2024-01-01",
    out: Annotated[Path | None, typer.Option(help="File to write.", dir_okay=False, show_default="stdout")] = None,
    *,
    output: Output,
    config: ConfigFiles = None,
    home: HomeDirectory = None,
) -> int:
    """Make hourly CSV of plausible weather, to a file or stdout, or feed it to the running system.

    Example: `killrweather simulate --stations 10 --days 365 --out simulated.csv`

    Temperatures have their day and year by latitude, rain falls in spells, partly as traces; some values are missing.
    """
    from killrweather.feed.simulated import blocks

    if days is not None and rows is not None:
        raise BadRequest(f"--days {days} came with --rows {rows}: expected one of them", "rows")
    if rate is not None and out is not None:
        raise BadRequest(f"--rate {rate:g} came with --out {out}: expected one of them", "rate")
    total = rows or 24 * (days or 1) * stations
    made = blocks(stations, total, seed, _first_day(start, -(-total // stations)))
    if rate is not None:
        return _feed(environment(config, home), made, total, rate, output)
    environment(config, home)
    written = _write_stdout(made) if out is None else _write(made, total, out)
    if out is not None:
        text = f"{total:,} rows, {written:,} bytes in {out}"
        output.print({"file": out, "rows": total, "bytes": written}, lambda: print(text))
    return 0


def _first_day(text: str, hours: int) -> date:
    try:
        first = date.fromisoformat(text)
    except ValueError:
        raise BadRequest(f'--start "{text[:40]}": expected a day such as 2024-01-01', "start") from None
    limit = datetime(datetime.now(timezone.utc).year + 2, 1, 1)
    available = (limit - datetime(first.year, first.month, first.day)) // timedelta(hours=1)
    if first.year < 1900 or hours > available:
        raise BadRequest(
            f"--start {first}: {hours:,} hours from there end after {limit.year - 1}, or it is before 1900; "
            "expected years from 1900 to the next one: choose an earlier day, fewer rows, or more stations",
            "start",
        )
    return first


def _write(made: Iterable[bytes], rows: int, out: Path) -> int:
    written = 0
    try:
        with progress() as display, out.open("wb") as file:
            task = display.add_task("making", total=rows, shown="", unit="rows")
            for block in made:
                written += file.write(block)
                display.advance(task, block.count(b"\n"))
                display.update(task, shown=f"{written / 1e6:,.0f} MB")
    except OSError as error:
        raise KillrWeatherError(f"{out}: {error.strerror or error}, expected a file that can be written") from error
    return written


def _write_stdout(made: Iterable[bytes]) -> int:
    written = 0
    with reader_may_leave():
        for block in made:
            written += sys.stdout.buffer.write(block)
    return written


def _feed(found: "Environment", made: Iterable[bytes], rows: int, rate: float, output: Output) -> int:
    with progress() as display, found.client() as client:
        task = display.add_task("feeding", total=rows, shown="", unit="rows")
        result = client.feed(
            _paced(made, rate),
            lambda state: display.update(task, completed=state.read, shown=f"{state.read:,} rows"),
        )
    output.print(summary(result), lambda: show(result))
    return 0 if result.accepted else 1


def _paced(made: Iterable[bytes], rate: float) -> Iterator["Piece"]:
    """The lines in pieces, each when its rows are due; when the system is slower, one after the other."""
    from killrweather.feed import Piece

    rows = max(1, min(_MAX_BODY_ROWS, int(rate / _BODIES_A_SECOND)))
    start, line = time.monotonic(), 1
    lines = (line for block in made for line in block.splitlines(keepends=True))
    while body := list(islice(lines, rows)):
        due = start + (line - 1) / rate
        time.sleep(max(0.0, due - time.monotonic()))
        yield Piece("simulated", "csv", line, b"".join(body), None, None, ())
        line += len(body)
