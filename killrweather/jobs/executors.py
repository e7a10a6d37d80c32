"""Whether a job on a Spark cluster still has executors: without any, Spark waits for ever and says nothing.

A master that was killed and started again does not know the applications of before: their executors are ended, and
no new ones come. An application that is begun anew gets some.
"""

import time
from dataclasses import dataclass

from pyspark.sql import SparkSession

from killrweather.settings import Settings

_AGAIN_S = 30.0
"""s: a master gives an application that it knows another executor within moments."""


@dataclass(slots=True)
class ExecutorWatch:
    """Notices that a job has had no executor for ``limit_s``; look about once a second.

    The first one may take longer than another one after it was lost.
    """

    limit_s: float
    _missing_since: float | None = None

    def are_lost(self, executors: int, now: float) -> bool:
        """Whether none has been there for too long."""
        if executors:
            self._missing_since, self.limit_s = None, min(self.limit_s, _AGAIN_S)
            return False
        if self._missing_since is None:
            self._missing_since = now
        return now - self._missing_since > self.limit_s


def watch_executors(spark: SparkSession, settings: Settings, watch: ExecutorWatch) -> str | None:
    """Why the job must begin anew, or None; a local one is its own executor."""
    if settings.spark.is_local:
        return None
    driver_and_executors = spark.sparkContext._jsc.sc().getExecutorMemoryStatus().size()
    if not watch.are_lost(driver_and_executors - 1, time.monotonic()):
        return None
    wanted = f"{settings.spark.executor_cores} cores and {settings.spark.executor_memory} of memory"
    return (
        f"{settings.spark.master} gave no executor for {watch.limit_s:g} s, expected a worker with {wanted} "
        "(spark.executor_cores, spark.executor_memory) that is free; look at the master's page"
    )
