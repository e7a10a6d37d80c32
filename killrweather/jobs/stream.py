"""The stream: Kafka → raw rows → aggregates → progress, in a process of its own.

    python -m killrweather.jobs.stream --home DIR        settings on stdin, events on stdout (see events.py)

Exit 0 after ``stop`` or the end of stdin, 1 after a failure. A stream that is killed loses nothing: the next one
starts from its progress and repeats at most one micro-batch, which changes nothing. A replay is the same on purpose:
the stream sets its progress back and reads the log again from there.
"""

import argparse
import shutil
import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from cassandra.cluster import Session
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.streaming import StreamingQuery

from killrweather.errors import TopicChanged
from killrweather.home import Home
from killrweather.jobs.batch import MicroBatch
from killrweather.jobs.clock import now_us
from killrweather.jobs.events import Events, ReplayOrder
from killrweather.jobs.job import Job, leave, run_job
from killrweather.jobs.kafka import source_options
from killrweather.jobs.positions import log_spans, set_back, start_positions
from killrweather.jobs.records import parsed
from killrweather.settings import Settings
from killrweather.storage.progress import Position, Progress


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the stream until it is told to stop or fails; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m killrweather.jobs.stream", description=__doc__.splitlines()[0])
    return run_job(parser, lambda _, settings, home, events: Stream(settings, home, events), arguments)


class Stream(Job):
    """One query on the raw topic after another."""

    name, directory, log, hang_s = "stream", "spark", "spark", 30.0

    def __init__(self, settings: Settings, home: Home, events: Events):
        super().__init__(settings, home, events)
        self._wake = threading.Event()
        self._batch = threading.Lock()
        self._failure: Exception | None = None
        self._replays: deque[ReplayOrder] = deque()

    def work(self, spark: SparkSession, session: Session) -> None:
        """Follow the raw topic until told to stop."""
        while not self.stopping.is_set():
            try:
                self._follow(spark, session)
            except TopicChanged as change:
                self.events.tell("waiting", **{"for": "kafka", "text": str(change)})
            except Exception as error:
                self.patience.pause(error)

    def hear(self, line: str) -> None:
        """Take an order for a replay."""
        self._replays.append(ReplayOrder.load(line))
        self._wake.set()

    def stop(self) -> None:
        """End after the current micro-batch."""
        super().stop()
        self._wake.set()

    def _follow(self, spark: SparkSession, session: Session) -> None:
        """Own the topic and run one query on it, until it ends, a replay is ordered or the stream is told to stop."""
        order = self._replays[0] if self._replays else None
        progress, positions = self.patience.attempt(lambda: self._take_over(session, order))
        checkpoint = self.scratch / "checkpoint"
        shutil.rmtree(checkpoint, ignore_errors=True)
        batch = MicroBatch(spark, session, progress, self.settings, positions, checkpoint, self.patience)
        starts = {partition: position.next_offset for partition, position in positions.items()}
        self._failure = None
        self._wake.clear()
        if order:
            self._replays.popleft()
        records = spark.readStream.format("kafka").options(**source_options(self.settings, starts)).load()
        epochs_us = {partition: position.epoch_us for partition, position in positions.items()}
        query = (
            parsed(records, epochs_us, self.settings.cassandra.ttl.raw_s)
            .writeStream.foreachBatch(lambda rows, number: self._take(batch, rows, number))
            .option("checkpointLocation", str(checkpoint))
            .trigger(processingTime=f"{self.settings.spark.trigger_interval_s} seconds")
            .start()
        )
        self.events.tell("started", **_start_of(positions, order))
        watcher = threading.Thread(target=self._await_end, args=(query,), name="query", daemon=True)
        watcher.start()
        if not self._is_ending:
            self._wake.wait()
        with self._batch:  # a batch that is under way comes to its end
            failure = self._failure
        if self.stopping.is_set():
            return
        if failure:
            raise failure
        if query.exception():
            raise query.exception()
        query.stop()
        watcher.join()

    @property
    def _is_ending(self) -> bool:
        """The query takes no further batch."""
        return self.stopping.is_set() or bool(self._replays)

    def _take_over(self, session: Session, order: ReplayOrder | None) -> tuple[Progress, dict[int, Position]]:
        """Become the owner, and with an order set progress back: nobody else can do that as long as this owns it."""
        progress = Progress(session, self.settings)
        spans = log_spans(self.settings)
        progress.take_ownership()
        stored = progress.read()
        positions = start_positions(stored, spans, now_us())
        if order:
            positions = set_back(positions, spans, order.begin)
        progress.place({part: position for part, position in positions.items() if stored.get(part) != position})
        return progress, positions

    def _take(self, batch: MicroBatch, rows: DataFrame, number: int) -> None:
        with self._batch:
            if self._is_ending:
                return
            try:
                self.events.tell("batch", **asdict(batch.run(rows, number)))
            except Exception as error:
                self._failure = error
                raise

    def _await_end(self, query: StreamingQuery) -> None:
        try:
            query.awaitTermination()
        except PySparkException:
            pass  # _follow asks the query for it
        finally:
            self._wake.set()


def _start_of(positions: dict[int, Position], order: ReplayOrder | None) -> dict[str, Any]:
    return {
        "next_offsets": {partition: position.next_offset for partition, position in positions.items()},
        "replay": order.id if order else None,
        "replay_until": {
            partition: position.replay_until
            for partition, position in positions.items()
            if position.replay_until > position.next_offset
        },
    }


if __name__ == "__main__":
    leave(main())
