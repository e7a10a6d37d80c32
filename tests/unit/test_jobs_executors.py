"""Noticing that a Spark cluster gives a job nothing any more."""

from itertools import count
from types import SimpleNamespace

from killrweather.jobs.executors import ExecutorWatch, watch_executors
from killrweather.settings import Settings
from killrweather.waking_clock import WakingClock


def a_session(executors):
    """A session whose context counts its driver too."""
    status = SimpleNamespace(size=lambda: executors + 1)
    context = SimpleNamespace(getExecutorMemoryStatus=lambda: status)
    return SimpleNamespace(sparkContext=SimpleNamespace(_jsc=SimpleNamespace(sc=lambda: context)))


def watched(limit_s):
    """A watch, and how it sees so many executors at each of these times."""
    times = []
    watch = ExecutorWatch(limit_s, WakingClock(30, lambda: times[-1] if times else 0))

    def at(now, executors):
        times.append(now)
        return watch.are_lost(executors)

    return at


def on(master):
    return Settings.model_validate({"spark": {"master": master}})


def test_executors_that_come_back_in_time_are_not_lost():
    """The time begins anew with every executor that is seen; until the first one it is longer."""
    at = watched(limit_s=90)
    there = {91: 1, 121: 2}

    assert not any([at(now, there.get(now, 0)) for now in range(152)])
    assert at(152, 0)


def test_a_cluster_that_never_gives_an_executor_is_given_up():
    """Not before the time that any service has to start."""
    at = watched(limit_s=90)

    assert not any([at(now, 0) for now in range(91)])
    assert at(91, 0)


def test_a_suspension_costs_a_job_no_executor():
    """Its executors had no time to come, and the job none to see them."""
    at = watched(limit_s=90)
    at(1, 2)
    at(2, 0)

    assert not at(3602, 0)
    assert not at(3603, 1)


def test_a_job_without_executors_says_what_it_waited_for():
    """The text names the master and the settings that a worker may have no room for."""
    watch = ExecutorWatch(0.5, WakingClock(30, count().__next__))

    assert watch_executors(a_session(0), on("spark://m:7077"), watch) is None
    reason = watch_executors(a_session(0), on("spark://m:7077"), watch)

    assert "spark://m:7077" in reason
    assert "spark.executor_memory" in reason
    assert watch_executors(a_session(1), on("spark://m:7077"), watch) is None


def test_a_local_job_needs_no_executor():
    """It is its own."""
    watch = ExecutorWatch(0.5, WakingClock(30, count().__next__))

    assert [watch_executors(a_session(0), on("local[2]"), watch) for _ in range(3)] == [None] * 3
