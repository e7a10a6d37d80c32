"""Looking again and again at something that goes on in a node, which may be away for a moment."""

import time
from collections.abc import Callable, Iterator
from typing import TypeVar

from killrweather.errors import Unavailable

T = TypeVar("T")

_PAUSE_S = 0.2
_PATIENCE_S = 60.0


def follow(look: Callable[[], T]) -> Iterator[T]:
    """What is seen, a few times a second, for as long as the caller wants.

    Raises Unavailable when the node has been away for a minute.
    """
    seen_at = time.monotonic()
    while True:
        try:
            seen = look()
        except Unavailable:
            if time.monotonic() - seen_at > _PATIENCE_S:
                raise
        else:
            seen_at = time.monotonic()
            yield seen
        time.sleep(_PAUSE_S)
