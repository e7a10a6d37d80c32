"""Faults at random moments against a whole system under load: ``make chaos``, or ``python -m chaos --help``.

Every process is killed and frozen, Kafka and Cassandra are taken away, in random order from a seed; in the end every
table is compared with what was acknowledged. Exit code 1 if anything was lost, wrong, left over, or did not come back.
"""

import argparse
import os
import random
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from chaos_faults import DISKS
from chaos_report import markdown, write_json, write_page
from chaos_run import Run
from namespaces import disks, isolated

_INSIDE = "KW_CHAOS_INSIDE"


def main() -> int:
    """Run, tell of each fault on stderr, print the table."""
    parser = argparse.ArgumentParser(prog="python -m chaos", description=__doc__.splitlines()[0])
    parser.add_argument("--faults", type=int, default=50, metavar="N", help="so many faults (50)")
    parser.add_argument("--minutes", type=float, metavar="M", help="begin no further fault after so many minutes")
    parser.add_argument("--seed", type=int, help="of load and faults; by default a new one, which the result names")
    parser.add_argument("--home", type=Path, help="the state directory, which is kept; by default a temporary one")
    parser.add_argument(
        "--only", action="append", default=[], metavar="FAULT", help="'full disk', 'kill -9 host' …; may be repeated"
    )
    parser.add_argument("--disks", action="store_true", help="small disks for Kafka, Cassandra and checkpoint, to fill")
    parser.add_argument("--out", type=Path, help="write the outcome there as JSON")
    parser.add_argument("--page", type=Path, help="put the table into this page, between its marks")
    given = parser.parse_args()
    if given.disks and _INSIDE not in os.environ:
        os.environ[_INSIDE] = "1"
        command = isolated([sys.executable, *sys.argv], "--mount")
        os.execvp(command[0], command)
    seed = random.randrange(1_000_000) if given.seed is None else given.seed
    print(f"seed {seed}", file=sys.stderr)
    with ExitStack() as stack:
        home = (given.home or Path(stack.enter_context(tempfile.TemporaryDirectory()))).absolute()
        if given.disks:
            stack.enter_context(disks(home, DISKS))
        run = stack.enter_context(Run(home, seed, lambda text: print(text, file=sys.stderr, flush=True)))
        outcome = run.go(given.faults, given.minutes, run.all_faults(given.only) if given.only else ())
    if given.out:
        write_json(given.out, outcome)
    if given.page:
        write_page(given.page, outcome)
    print(markdown(outcome))
    for problem in outcome.problems:
        print(f"error: {problem}", file=sys.stderr)
    return 1 if outcome.problems else 0


if __name__ == "__main__":
    sys.exit(main())
