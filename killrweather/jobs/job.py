"""What every Spark job that lives in a process of its own does alike: a JVM, connections, a sign of life, an end.

    python -m killrweather.jobs.<job> --home DIR        settings on stdin, events on stdout (see events.py)

Exit 0 after ``stop`` or the end of stdin, 1 after a failure. A job may be killed at any point and started again.
"""

import argparse
import os
import shutil
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ClassVar, NoReturn

from cassandra.cluster import Session
from pyspark.sql import SparkSession

from killrweather.errors import ServiceError
from killrweather.home import Home, require_space
from killrweather.jobs.events import STOP, Events, load
from killrweather.jobs.executors import AGAIN_S, ExecutorWatch, watch_executors
from killrweather.jobs.jvm import Jvm, class_path
from killrweather.jobs.patience import HangDetector, Patience, Stopped, summary
from killrweather.jobs.session import driver_address, open_session, spark_options
from killrweather.services.archive import ClassArchive
from killrweather.services.jars import ensure, jars_root
from killrweather.services.java import find_java
from killrweather.settings import Settings
from killrweather.storage import session as cassandra
from killrweather.waking_clock import WakingClock

_ALIVE_INTERVAL_S = 1.0
_LEAST_SPACE = 32 << 20
_LEFT_BY_A_JVM = ("blockmgr-*", "spark-*", "*.so", "*.so.lck", "connection*.info")
"""Blocks, broadcast values, native libraries that were unpacked, and the gateway's answer if there was no room."""


class Job:
    """A job's life; ``work`` is what it is there for."""

    name: ClassVar[str]
    directory: ClassVar[str]
    """Its scratch space below the state directory."""
    log: ClassVar[str]
    """The log of its JVM."""
    hang_s: ClassVar[float]
    """A step that has run no Spark job for this long will not end; planning one may take a while on busy cores."""

    def __init__(self, settings: Settings, home: Home, events: Events):
        self.settings, self.events = settings, events
        self.scratch = home.directory(self.directory)
        self.stopping = threading.Event()
        self.patience = Patience(
            self.stopping, lambda service, text: events.tell("waiting", **{"for": service, "text": text})
        )
        self._home = home
        self._is_over = threading.Event()

    def run(self) -> None:
        """Do the work, or stop when told to; raises whatever waiting does not mend."""
        settings = self.settings
        jars = ensure("spark", self._home, settings)
        java = find_java(settings)
        address = driver_address(settings)
        archive = ClassArchive("spark", java, class_path(jars), jars_root(self._home, settings))
        self._make_room()
        log = self._home.log(self.log)
        jvm = Jvm(java.executable, jars, self.heap(), self.scratch, log, "WARN", address, archive.options())
        try:
            threading.Thread(target=self._listen, name="stdin", daemon=True).start()
            session = self.patience.attempt(self._connect)
            if not self.has_work(session):
                return
            jvm.attach()
            jvm.on_death(self._lose_jvm)
            spark = open_session(settings, spark_options(settings, jars, self.scratch), f"killrweather {self.name}")
            threading.Thread(target=self._beat, args=(spark,), name="heartbeat", daemon=True).start()
            self.work(spark, session)
        finally:
            self._is_over.set()
            jvm.kill()

    def heap(self) -> str:
        """The largest heap of its JVM."""
        return self.settings.spark.driver_memory

    def hang_limit_s(self) -> float:
        """How long a step may run no Spark job before it is taken for one that will not end."""
        return self.hang_s

    def has_work(self, session: Session) -> bool:
        """Look, while the JVM starts, whether there is anything to do."""
        return True

    def work(self, spark: SparkSession, session: Session) -> None:
        """Do it, and look at ``stopping`` between the steps."""
        raise NotImplementedError

    def hear(self, line: str) -> None:
        """Take what the actor says besides ``stop``; called from another thread."""

    def stop(self) -> None:
        """Have the job end after what it has begun; called from another thread."""
        self.stopping.set()

    def _make_room(self) -> None:
        """Remove what a killed JVM has left, and wait for space: on a full disk a JVM hangs while it starts."""
        for pattern in _LEFT_BY_A_JVM:
            for left in self.scratch.glob(pattern):
                shutil.rmtree(left, ignore_errors=True) if left.is_dir() else left.unlink(missing_ok=True)
        while True:
            try:
                return require_space(self.name, self.scratch, _LEAST_SPACE, "the state directory (--home)")
            except ServiceError as error:
                self.events.tell("waiting", **{"for": "disk", "text": str(error)})
                time.sleep(_ALIVE_INTERVAL_S)

    def _connect(self) -> Session:
        session = cassandra.connect(self.settings)
        session.set_keyspace(self.settings.cassandra.keyspace)
        return session

    def _lose_jvm(self, code: int) -> None:
        """Every call into the JVM fails now, or waits for ever: end, to be started again."""
        self._give_up(f"Spark's JVM ended with code {code}; see the end of {self._home.log(self.log)}")

    def _listen(self) -> None:
        for line in sys.stdin:
            if line.strip() == STOP:
                break
            self.hear(line)
        self.stop()

    def _beat(self, spark: SparkSession) -> None:
        """Tell every second that the JVM answers; once it does not, the actor no longer hears this.

        A step that hangs ends the process: the next one does it again, which changes nothing.
        """
        clock, tracker = spark._jvm.java.lang.System, spark.sparkContext.statusTracker()
        awake = WakingClock(min(self.hang_s, AGAIN_S))
        detector, executors = HangDetector(awake), ExecutorWatch(self.settings.services.start_timeout_s, awake)
        while not self._is_over.wait(_ALIVE_INTERVAL_S):
            clock.nanoTime()
            self.events.tell("alive")
            limit_s, has_jobs = self.hang_limit_s(), bool(tracker.getActiveJobsIds())
            if detector.hangs(self.patience.trying_since, has_jobs, limit_s):
                self._give_up(f"a step has run no Spark job for {limit_s:g} s and will not end")
            if reason := watch_executors(spark, self.settings, executors):
                self._give_up(reason)

    def _give_up(self, reason: str) -> NoReturn:
        self.events.tell("failed", text=reason)
        os._exit(1)


def run_job(
    parser: argparse.ArgumentParser,
    make: Callable[[argparse.Namespace, Settings, Home, Events], Job],
    arguments: Sequence[str] | None = None,
) -> int:
    """Run the job that ``make`` makes of the arguments until it ends, is told to stop or fails; the exit code."""
    parser.add_argument("--home", type=Path, required=True, help="the state directory")
    given = parser.parse_args(arguments)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the actor decides what ends when
    events = Events()
    try:
        make(given, load(sys.stdin.readline()), Home.find(given.home), events).run()
    except Stopped:
        return 0
    except Exception as error:
        traceback.print_exc()
        events.tell("failed", text=summary(error))
        return 1
    return 0


def leave(code: int) -> None:
    """End the process with this exit code, at once: py4j's threads wait for a JVM that is gone."""
    sys.stderr.flush()
    os._exit(code)
