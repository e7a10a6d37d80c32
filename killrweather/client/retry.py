"""When something that failed for now is tried again: after growing pauses, for as long as the patience lasts."""

import random
from collections.abc import Callable

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.1, 2.0


class Retry:
    """Decides on the next try of one thing.

    The n-th pause is drawn from the upper half of 0.1 s, 0.2 s, 0.4 s … 2 s, so that clients which failed together
    do not come back together; it is never shorter than what the node asked for by Retry-After.
    """

    def __init__(self, patience_s: float, now: float, draw: Callable[[], float] = random.random):
        self._deadline = now + patience_s
        self._longest_s = FIRST_PAUSE_S
        self._draw = draw

    def pause_s(self, now: float, asked_s: float = 0.0) -> float | None:
        """s to wait before the next try, at least ``asked_s``; None when the patience does not last until then."""
        pause_s = max(self._longest_s * (1 + self._draw()) / 2, asked_s)
        if now + pause_s > self._deadline:
            return None
        self._longest_s = min(2 * self._longest_s, LONGEST_PAUSE_S)
        return pause_s
