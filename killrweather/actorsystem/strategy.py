"""What becomes of a failed child, as data: OneForOne with a window of restarts and a growing pause."""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import random

from killrweather.settings import DirectiveName, LimitDirectiveName, Strategy

OTHERS = "*"
JITTER = 0.2


def exception_kinds(error: BaseException) -> tuple[str, ...]:
    """The names a strategy may know an exception by: each class with and without module, most specific first."""
    names = []
    for cls in type(error).__mro__[:-1]:
        names += [f"{cls.__module__}.{cls.__qualname__}", cls.__qualname__]
    return tuple(names)


@dataclass(frozen=True)
class SupervisorStrategy:
    """Decides by exception class; at most ``max_restarts`` within ``within_s``, with a pause that doubles each time."""

    decide: Mapping[str, DirectiveName] = field(default_factory=lambda: {OTHERS: "restart"})
    max_restarts: int = 10
    within_s: float = 60.0
    backoff_s: float = 0.05
    backoff_max_s: float = 5.0
    on_limit: LimitDirectiveName = "stop"

    @classmethod
    def of(cls, settings: Strategy) -> "SupervisorStrategy":
        """The strategy that the configuration describes."""
        return cls(**dict(settings))

    def directive(self, kinds: Sequence[str]) -> DirectiveName:
        """What to do about an exception; one that nobody thought of is escalated."""
        for kind in (*kinds, OTHERS):
            if kind in self.decide:
                return self.decide[kind]
        return "escalate"

    def backoff(self, nth: int, chance: float) -> float:
        """Seconds before the nth restart in the window, none before the first; ``chance``, 0 to 1, spreads them."""
        if nth <= 1:
            return 0.0
        # 2 ** 30 pauses are longer than any cap: the exponent stays small enough for a float
        doubled = self.backoff_s * 2.0 ** min(nth - 2, 30)
        return min(self.backoff_max_s, doubled * (1 + JITTER * chance))


class RestartWindow:
    """Counts the restarts of one child."""

    def __init__(self, strategy: SupervisorStrategy):
        self._strategy = strategy
        self._times: deque[float] = deque()

    def next_delay(self, now: float) -> float | None:
        """Count a restart and say how many seconds to wait before it; None when there were too many."""
        while self._times and now - self._times[0] > self._strategy.within_s:
            self._times.popleft()
        if len(self._times) >= self._strategy.max_restarts:
            return None
        self._times.append(now)
        return self._strategy.backoff(len(self._times), random())  # noqa: S311 - spreads restarts, guards nothing
