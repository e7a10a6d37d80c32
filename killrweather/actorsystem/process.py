"""What every process of an actor system owes the operating system: a name, and death when its parent dies."""

import ctypes
import multiprocessing
import signal
import sys
from collections.abc import Callable
from functools import wraps
from typing import Any

from killrweather.processes import die_with_parent

_PR_SET_NAME = 15
_PR_SET_CHILD_SUBREAPER = 36
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


def name_process(name: str) -> None:
    """Show this name in ``ps`` and ``top``, cut to 15 characters; Linux only."""
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_NAME, name.encode()[:15])


def adopt_orphans() -> None:
    """Make this process the parent of descendants whose own parent dies, instead of init; Linux only."""
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_CHILD_SUBREAPER, 1)


def bound_to_parent(target: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap the target of a ``multiprocessing.Process``: the process gets kill -9 when its parent dies."""

    @wraps(target)
    def bound(*arguments: Any, **options: Any) -> Any:
        parent = multiprocessing.parent_process()
        die_with_parent(signal.SIGKILL, parent.pid if parent else None)
        return target(*arguments, **options)

    return bound
