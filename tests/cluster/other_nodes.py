"""A node that is not what the others expect: ``python other_nodes.py version|clock node start …``."""

import sys
import time

import killrweather
from killrweather.cli import main


def of_another_version() -> None:
    """As after an upgrade that the others have not had."""
    killrweather.__version__ = "99.0.0"


def with_a_wrong_clock() -> None:
    """An hour ahead; its actors are forked from it and have the same."""
    now = time.time
    time.time = lambda: now() + 3600


if __name__ == "__main__":
    {"version": of_another_version, "clock": with_a_wrong_clock}[sys.argv.pop(1)]()
    main()
