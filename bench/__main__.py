"""The figures of docs/performance.md, measured on this machine: ``python -m bench [--out FILE]``."""

import argparse
import tempfile
from pathlib import Path

from rich.console import Console

from bench import bulk, feed, fresh, http, memory, nodes, page, start, trigger
from bench.data import a_year, shifted
from bench.figures import Figure, table, write
from bench.system import System

console = Console(stderr=True)


def main() -> None:
    """Measure, print a table, and write JSON when a file is named."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--out", type=Path, help="also write the figures there as JSON")
    out = parser.parse_args().out
    http.find_wrk()
    page.find_browser()
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        year = a_year()
        rows = shifted(year, 1975, bulk.YEARS, directory)
        system = System(directory / "system")
        system.run("services", "fetch")
        console.print("starting")
        try:
            figures += _shown(start.measure(system))
            figures += _shown(bulk.measure(system, year, directory, console))
            figures += _shown(http.measure(system, year, directory))
            figures += _shown(page.measure(system))
            figures += _shown(fresh.measure(system, rows, directory))
            figures += _shown(memory.measure(system, year, directory))
        finally:
            system.run("down")
        figures += _shown(feed.measure(directory / "feed", rows))
        figures += _shown(nodes.measure(directory / "nodes", rows))
        figures += _shown(trigger.measure(directory))
    Console(width=160).print(table(figures))
    if out:
        write(out, figures)


def _shown(figures: list[Figure]) -> list[Figure]:
    """The same figures, told as soon as they are known."""
    for each in figures:
        ratio = "" if each.ratio is None else f" ({each.reference}; ratio {each.ratio:.2f}, to reach {each.to_reach})"
        console.print(f"{each.name}: {each.measured}{ratio}", highlight=False)
    return figures


if __name__ == "__main__":
    main()
