"""Whether a job on a Spark cluster still has executors: without any, Spark waits for ever and says nothing.

A master that was killed and started again does not know the applications of before: their executors are ended, and
no new ones come. An application that is begun anew gets some.
"""

from dataclasses import dataclass

from pyspark.sql import SparkSession

from killrweather.settings import Settings
from killrweather.waking_clock import WakingClock

AGAIN_S = 30.0
"""s: a master gives an application that it knows another executor within moments."""


@dataclass(slots=True)
class ExecutorWatch:
    """Notices that a job has had no executor for ``limit_s``; look about once a second.

    The first one may take longer than another one after it was lost.
    """

    limit_s: float
    awake: WakingClock
    _last_sign: float | None = None

    def are_lost(self, executors: int) -> bool:
        """Whether none has been there for too long."""
        now = self.awake()
        if executors:
            self.limit_s = min(self.limit_s, AGAIN_S)
        if executors or self._last_sign is None:
            self._last_sign = now
        return now - self._last_sign > self.limit_s


def watch_executors(spark: SparkSession, settings: Settings, watch: ExecutorWatch) -> str | None:
    """Why the job must begin anew, or None; a local one is its own executor."""
    if settings.spark.is_local:
        return None
    driver_and_executors = spark.sparkContext._jsc.sc().getExecutorMemoryStatus().size()
    if not watch.are_lost(driver_and_executors - 1):
        return None
    wanted = f"{settings.spark.executor_cores} cores and {settings.spark.executor_memory} of memory"
    return (
        f"{settings.spark.master} gave no executor for {watch.limit_s:g} s, expected a worker with {wanted} "
        "(spark.executor_cores, spark.executor_memory) that is free; look at the master's page"
    )
