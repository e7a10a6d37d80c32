"""The figures of docs/performance.md, measured on this machine: ``python -m bench [--out FILE]``."""

import argparse
import tempfile
from pathlib import Path

from rich.console import Console

from bench import bulk, feed, fresh, query, start
from bench.data import a_year, shifted
from bench.figures import Figure, table, write
from bench.system import System

console = Console(stderr=True)


def main() -> None:
    """Measure, print a table, and write JSON when a file is named."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--out", type=Path, help="also write the figures there as JSON")
    out = parser.parse_args().out
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        year = a_year()
        system = System(directory / "system")
        system.run("services", "fetch")
        console.print("starting")
        figures += start.measure(system)
        try:
            figures += bulk.measure(system, year, directory, console)
            figures += query.measure(system)
            figures += fresh.measure(system, directory)
        finally:
            system.run("down")
        figures += feed.measure(directory / "feed", shifted(year, 1975, bulk.YEARS, directory))
    Console(width=160).print(table(figures))
    if out:
        write(out, figures)


if __name__ == "__main__":
    main()
