"""An actor whose module leaves a trace of every process that imports it."""

import os
from pathlib import Path

from killrweather.actorsystem.actor import ManagedActor

with Path(os.environ["IMPORTED_BY"]).open("a") as trace:
    trace.write(f"{os.getpid()}\n")


class HeavyActor(ManagedActor):
    """Does nothing."""
