"""Noticing that a Spark cluster gives a job nothing any more."""

from types import SimpleNamespace

from killrweather.jobs.executors import ExecutorWatch, watch_executors
from killrweather.settings import Settings


def a_session(executors):
    """A session whose context counts its driver too."""
    status = SimpleNamespace(size=lambda: executors + 1)
    context = SimpleNamespace(getExecutorMemoryStatus=lambda: status)
    return SimpleNamespace(sparkContext=SimpleNamespace(_jsc=SimpleNamespace(sc=lambda: context)))


def on(master):
    return Settings.model_validate({"spark": {"master": master}})


def test_executors_that_come_back_in_time_are_not_lost():
    """The time begins anew with every executor that is seen; until the first one it is longer."""
    watch = ExecutorWatch(limit_s=90)
    seen = [(0, 0), (0, 89), (1, 91), (0, 100), (0, 129), (2, 131), (0, 140), (0, 169)]

    assert not any(watch.are_lost(executors, now) for executors, now in seen)
    assert watch.are_lost(0, 171)


def test_a_cluster_that_never_gives_an_executor_is_given_up():
    """Not before the time that any service has to start."""
    watch = ExecutorWatch(limit_s=90)

    assert [watch.are_lost(0, now) for now in (0, 89, 91)] == [False, False, True]


def test_a_job_without_executors_says_what_it_waited_for():
    """The text names the master and the settings that a worker may have no room for."""
    watch = ExecutorWatch(limit_s=-1)

    reason = watch_executors(a_session(0), on("spark://m:7077"), watch)

    assert "spark://m:7077" in reason
    assert "spark.executor_memory" in reason
    assert watch_executors(a_session(1), on("spark://m:7077"), watch) is None


def test_a_local_job_needs_no_executor():
    """It is its own."""
    assert watch_executors(a_session(0), on("local[2]"), ExecutorWatch(limit_s=-1)) is None
