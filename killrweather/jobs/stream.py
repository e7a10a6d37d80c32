"""The stream: Kafka → raw rows → daily aggregates → progress, in a process of its own.

    python -m killrweather.jobs.stream --home DIR        settings on stdin, events on stdout (see events.py)

Exit 0 after ``stop`` or the end of stdin, 1 after a failure. A stream that is killed loses nothing: the next one
starts from its progress and repeats at most one micro-batch, which changes nothing.
"""

import argparse
import os
import shutil
import signal
import sys
import threading
import time
import traceback
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from cassandra.cluster import Session
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession

from killrweather.errors import TopicChanged
from killrweather.home import Home
from killrweather.jobs.batch import MicroBatch
from killrweather.jobs.events import STOP, Events, load
from killrweather.jobs.jvm import Jvm
from killrweather.jobs.kafka import source_options
from killrweather.jobs.patience import HangDetector, Patience, Stopped, summary
from killrweather.jobs.positions import log_spans, start_positions
from killrweather.jobs.records import parsed
from killrweather.jobs.session import open_session, spark_options
from killrweather.services.jars import ensure
from killrweather.services.java import find_java
from killrweather.settings import Settings
from killrweather.storage import session as cassandra
from killrweather.storage.progress import Position, Progress

_ALIVE_INTERVAL_S = 1.0
_HANG_S = 30.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the stream until it is told to stop or fails; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m killrweather.jobs.stream", description=__doc__.splitlines()[0])
    parser.add_argument("--home", type=Path, required=True, help="the state directory")
    home = Home.find(parser.parse_args(arguments).home)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the actor decides what ends when
    events = Events()
    try:
        Stream(load(sys.stdin.readline()), home, events).run()
    except Stopped:
        return 0
    except Exception as error:
        traceback.print_exc()
        events.tell("failed", text=summary(error))
        return 1
    return 0


class Stream:
    """The life of the stream's process: its JVM, its connections, and one query after another."""

    def __init__(self, settings: Settings, home: Home, events: Events):
        self._settings, self._home, self._events = settings, home, events
        self._scratch = home.directory("spark")
        self._stopping = threading.Event()
        self._wake = threading.Event()
        self._batch = threading.Lock()
        self._failure: Exception | None = None
        self._patience = Patience(
            self._stopping, lambda service, text: events.tell("waiting", **{"for": service, "text": text})
        )

    def run(self) -> None:
        """Follow the raw topic until told to stop; raises whatever waiting does not mend."""
        settings = self._settings
        jars = ensure("spark", self._home, settings)
        java = find_java(settings).executable
        jvm = Jvm(java, jars, settings.spark.driver_memory, self._scratch, self._home.log("spark"), "WARN")
        try:
            threading.Thread(target=self._listen, name="stdin", daemon=True).start()
            session = self._patience.attempt(self._connect)
            jvm.attach()
            spark = open_session(settings, spark_options(settings, jars, self._scratch), "killrweather stream")
            threading.Thread(target=self._beat, args=(spark,), name="heartbeat", daemon=True).start()
            while not self._stopping.is_set():
                try:
                    self._follow(spark, session)
                except TopicChanged as change:
                    self._events.tell("waiting", **{"for": "kafka", "text": str(change)})
                except Exception as error:
                    self._patience.pause(error)
        finally:
            jvm.kill()

    def _follow(self, spark: SparkSession, session: Session) -> None:
        """Own the topic and run one query on it, until it ends or the stream is told to stop."""
        progress, positions = self._patience.attempt(lambda: self._take_over(session))
        checkpoint = self._scratch / "checkpoint"
        shutil.rmtree(checkpoint, ignore_errors=True)
        batch = MicroBatch(spark, session, progress, self._settings, positions, checkpoint, self._patience)
        starts = {partition: position.next_offset for partition, position in positions.items()}
        self._failure = None
        self._wake.clear()
        records = spark.readStream.format("kafka").options(**source_options(self._settings, starts)).load()
        epochs_us = {partition: position.epoch_us for partition, position in positions.items()}
        query = (
            parsed(records, epochs_us, self._settings.cassandra.ttl.raw_s)
            .writeStream.foreachBatch(lambda rows, number: self._take(batch, rows, number))
            .option("checkpointLocation", str(checkpoint))
            .trigger(processingTime=f"{self._settings.spark.trigger_interval_s} seconds")
            .start()
        )
        self._events.tell("started", next_offsets=starts)
        threading.Thread(target=self._await_end, args=(query,), name="query", daemon=True).start()
        if not self._stopping.is_set():
            self._wake.wait()
        with self._batch:  # a batch that is under way comes to its end
            failure = self._failure
        if self._stopping.is_set():
            return
        if failure:
            raise failure
        if query.exception():
            raise query.exception()

    def _connect(self) -> Session:
        session = cassandra.connect(self._settings)
        session.set_keyspace(self._settings.cassandra.keyspace)
        return session

    def _take_over(self, session: Session) -> tuple[Progress, dict[int, Position]]:
        progress = Progress(session, self._settings)
        spans = log_spans(self._settings)
        progress.take_ownership()
        stored = progress.read()
        positions = start_positions(stored, spans, time.time_ns() // 1000)
        progress.place({part: position for part, position in positions.items() if stored.get(part) != position})
        return progress, positions

    def _take(self, batch: MicroBatch, rows: DataFrame, number: int) -> None:
        with self._batch:
            if self._stopping.is_set():
                return
            try:
                self._events.tell("batch", **asdict(batch.run(rows, number)))
            except Exception as error:
                self._failure = error
                raise

    def _await_end(self, query) -> None:
        try:
            query.awaitTermination()
        except PySparkException:
            pass  # _follow asks the query for it
        finally:
            self._wake.set()

    def _listen(self) -> None:
        for line in sys.stdin:
            if line.strip() == STOP:
                break
        self._stopping.set()
        self._wake.set()

    def _beat(self, spark: SparkSession) -> None:
        """Tell every second that the JVM answers; once it does not, the actor no longer hears this.

        A step that hangs ends the process: the next one repeats its micro-batch, which changes nothing.
        """
        clock, tracker = spark._jvm.java.lang.System, spark.sparkContext.statusTracker()
        detector = HangDetector(_HANG_S)
        while True:
            clock.nanoTime()
            self._events.tell("alive")
            if detector.hangs(time.monotonic(), self._patience.trying_since, bool(tracker.getActiveJobsIds())):
                self._events.tell("failed", text=f"a step has run no Spark job for {_HANG_S:g} s and will not end")
                os._exit(1)
            time.sleep(_ALIVE_INTERVAL_S)


if __name__ == "__main__":
    code = main()
    sys.stderr.flush()
    os._exit(code)  # py4j's threads wait for a JVM that is gone
