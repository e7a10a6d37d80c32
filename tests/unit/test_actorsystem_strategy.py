"""Supervisor strategies: which directive, how many restarts, after what pause."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from killrweather.actorsystem.strategy import RestartWindow, SupervisorStrategy, exception_kinds
from killrweather.settings import Strategy


class Odd(ZeroDivisionError):
    """An exception with ancestors."""


@pytest.mark.parametrize(
    ("decide", "directive"),
    [
        ({"Odd": "resume", "ArithmeticError": "stop", "*": "restart"}, "resume"),
        ({"ArithmeticError": "stop", "*": "restart"}, "stop"),
        ({"Exception": "resume", "ZeroDivisionError": "stop"}, "stop"),
        ({f"{__name__}.Odd": "stop", "ArithmeticError": "resume"}, "stop"),
        ({"ValueError": "stop", "*": "restart"}, "restart"),
        ({"ValueError": "stop"}, "escalate"),
        ({}, "escalate"),
    ],
)
def test_the_most_specific_class_decides(decide, directive):
    """The first name along the exception's ancestors counts, then "*"; what nobody thought of is escalated."""
    assert SupervisorStrategy(decide).directive(exception_kinds(Odd())) == directive


def test_a_strategy_comes_from_the_configuration():
    """Each key of the configuration is a field of the strategy."""
    strategy = SupervisorStrategy.of(Strategy(decide={"*": "stop"}, max_restarts=3, within_s=9, backoff_s=1))

    assert strategy == SupervisorStrategy({"*": "stop"}, 3, 9.0, 1.0, 5.0)


def test_the_eleventh_restart_in_a_minute_is_refused_and_a_later_one_is_not():
    """Ten restarts in 60 s are allowed; when the first is older than that, there may be one more."""
    window = RestartWindow(SupervisorStrategy())
    for second in range(10):
        assert window.next_delay(float(second)) is not None

    assert window.next_delay(59.0) is None
    assert window.next_delay(60.5) is not None
    assert window.next_delay(60.6) is None


def test_the_first_restart_is_immediate():
    """Most failures are single: nobody should wait for that restart."""
    assert RestartWindow(SupervisorStrategy(backoff_s=3)).next_delay(0.0) == 0.0


@given(st.floats(0, 10), st.floats(0, 60), st.integers(1, 10_000), st.floats(0, 1))
def test_a_pause_is_never_longer_than_the_longest(base, cap, nth, chance):
    """Neither doubling nor jitter goes beyond backoff_max_s, nor below zero."""
    strategy = SupervisorStrategy(backoff_s=base, backoff_max_s=cap)

    assert 0.0 <= strategy.backoff(nth, chance) <= cap


@given(st.lists(st.floats(0, 30), max_size=60), st.integers(0, 12), st.floats(0.1, 60))
def test_no_window_ever_holds_more_restarts_than_allowed(gaps, most, within):
    """However failures are spread, no period of within_s sees more than max_restarts restarts."""
    window, now, allowed = RestartWindow(SupervisorStrategy({}, most, within)), 0.0, []
    for gap in gaps:
        now += gap
        if window.next_delay(now) is not None:
            allowed.append(now)

    assert all(last - first > within for first, last in zip(allowed, allowed[most:], strict=False))


@given(st.floats(0.001, 1))
def test_pauses_grow(chance):
    """With the same luck each pause is at least as long as the one before."""
    strategy = SupervisorStrategy()

    assert all(a <= b for a, b in pairwise(strategy.backoff(nth, chance) for nth in range(1, 40)))
