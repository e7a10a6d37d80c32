"""From ``up`` to ready, and what the system takes at rest."""

import time

from bench.figures import Figure
from bench.system import System


def measure(system: System) -> list[Figure]:
    """Start it empty, stop it, start it again: it is left running."""
    first = _up(system)
    system.run("down")
    again = _up(system)
    time.sleep(10)
    memory_gib, before = system.memory_bytes() / 2**30, sum(system.cpu_s().values())
    time.sleep(10)
    busy = (sum(system.cpu_s().values()) - before) / 10
    return [
        Figure("up to ready, first start", f"{first:.1f} s", to_reach="≤ 25 s", reached=first <= 25),
        Figure("up to ready, with data", f"{again:.1f} s", to_reach="≤ 25 s", reached=again <= 25),
        Figure(
            "memory at rest (PSS of all processes)",
            f"{memory_gib:.2f} GiB",
            to_reach="≤ 4 GiB",
            reached=memory_gib <= 4,
        ),
        Figure("processor at rest, of one core", f"{busy:.0%}"),
    ]


def _up(system: System) -> float:
    start = time.perf_counter()
    system.run("up", "--detach")
    return time.perf_counter() - start
