"""The stream: Kafka → raw rows → aggregates → progress, in a process of its own.

    python -m killrweather.jobs.stream --home DIR        settings on stdin, events on stdout (see events.py)

Exit 0 after ``stop`` or the end of stdin, 1 after a failure. A stream that is killed loses nothing: the next one
starts from its progress and repeats at most one micro-batch, which changes nothing. A replay is the same on purpose:
the stream sets its progress back and reads the log again from there.

It stands by until it is told to own the topic: one node of a cluster does. Meanwhile it rehearses a micro-batch that
stores nothing, since a JVM takes many seconds for its first one, and whoever takes over has none to lose.
"""

import argparse
import shutil
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from cassandra.cluster import Session
from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.streaming import StreamingQuery

from killrweather.errors import Fenced, KillrWeatherError, StreamFailed, TopicChanged
from killrweather.home import Home
from killrweather.jobs.batch import MicroBatch
from killrweather.jobs.events import DISOWN, OWN, Events, ReplayOrder
from killrweather.jobs.job import Job, leave, run_job
from killrweather.jobs.kafka import source_options
from killrweather.jobs.positions import log_spans, set_back, start_positions
from killrweather.jobs.reconcile import reconciling
from killrweather.jobs.records import parsed
from killrweather.jobs.session import QUERY_ENDS_S
from killrweather.settings import Settings
from killrweather.storage.clock import WriteClock
from killrweather.storage.progress import Position, Progress

_UNORDERED_S = 1.0
"""A stream that has no order to own the topic after this long rehearses; the first owner would be held up by it."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the stream until it is told to stop or fails; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m killrweather.jobs.stream", description=__doc__.splitlines()[0])
    return run_job(parser, lambda _, settings, home, events: Stream(settings, home, events), arguments)


class _Disowned(KillrWeatherError):
    """This stream was told to leave the topic to another node."""


class _Ending(KillrWeatherError):
    """A query takes no further micro-batch, because of an order."""


class Stream(Job):
    """One query on the raw topic after another."""

    name, directory, log, hang_s = "stream", "spark", "spark", 30.0

    def __init__(self, settings: Settings, home: Home, events: Events):
        super().__init__(settings, home, events)
        self._wake, self._owning = threading.Event(), threading.Event()
        self._batch = threading.Lock()
        self._failure: Exception | None = None
        self._replays: deque[ReplayOrder] = deque()
        self._clock = WriteClock()
        self._is_warm = False

    def hang_limit_s(self) -> float:
        """Longer for the first micro-batch: a JVM that runs one for the first time on busy cores plans it for long."""
        return self.hang_s if self._is_warm else max(self.hang_s, self.settings.services.start_timeout_s)

    def work(self, spark: SparkSession, session: Session) -> None:
        """Follow the raw topic while told to own it, until told to stop."""
        self.events.tell("standby", text="the stream is ready to own the topic", fenced=False)
        if not self._owning.wait(_UNORDERED_S):
            self.patience.attempt(lambda: self._rehearse(spark, session))
        while self._owning.wait() and not self.stopping.is_set():
            try:
                self._follow_patiently(spark, session)
                self._require_ownership()
            except _Disowned as order:
                self._stand_by(str(order))
            except Fenced as replaced:
                self._owning.clear()
                self._stand_by(str(replaced), fenced=True)

    def hear(self, line: str) -> None:
        """Take an order to own the topic, to leave it to another node, or for a replay."""
        order = line.strip()
        if order == OWN:
            self._owning.set()
            return
        if order == DISOWN:
            self._owning.clear()
        elif self._owning.is_set():
            self._replays.append(ReplayOrder.load(order))
        self._wake.set()

    def stop(self) -> None:
        """End after the current micro-batch."""
        super().stop()
        self._owning.set()
        self._wake.set()

    def _stand_by(self, text: str, fenced: bool = False) -> None:
        self._replays.clear()  # an order is for the owner, and whoever gave it hears that it is void
        self.events.tell("standby", text=text, fenced=fenced)

    def _follow_patiently(self, spark: SparkSession, session: Session) -> None:
        """Follow the topic until an order comes, or something fails that another try may mend."""
        try:
            self._follow(spark, session)
        except _Ending:
            pass
        except TopicChanged as change:
            self.events.tell("waiting", **{"for": "kafka", "text": str(change)})
        except Exception as error:
            self.patience.pause(error)

    def _follow(self, spark: SparkSession, session: Session) -> None:
        """Own the topic and run one query on it, until it ends, a replay is ordered or the stream is told to stop."""
        order = self._replays[0] if self._replays else None
        progress, positions = self.patience.attempt(lambda: self._take_over(session, order), has_time_outs=True)
        batch = self.patience.attempt(lambda: self._micro_batch(spark, session, progress, positions))
        self._failure = None
        self._wake.clear()
        if order:
            self._replays.popleft()
        interval = f"{self.settings.spark.trigger_interval_s} seconds"
        query = self._query(batch, lambda rows, number: self._take(batch, rows, number), processingTime=interval)
        self.events.tell(
            "started", **_start_of(positions, order), newest=progress.newest and progress.newest.isoformat()
        )
        watcher = threading.Thread(target=self._await_end, args=(query,), name="query", daemon=True)
        watcher.start()
        with reconciling(session, progress, self.settings, self.events, self._fail):
            if not self._is_ending:
                self._wake.wait()
        with self._batch:  # a batch that is under way comes to its end
            failure = self._failure or query.exception()
        if self.stopping.is_set():
            return
        if query.isActive:
            try:
                query.stop()
            except Py4JJavaError as error:  # only a process that ends takes its threads along
                raise StreamFailed(f"the query did not end within {QUERY_ENDS_S} s of being told to") from error
            watcher.join()
        if failure:
            raise failure

    def _rehearse(self, spark: SparkSession, session: Session) -> None:
        """Read each partition's newest record as a micro-batch does, and store none."""
        begin = time.monotonic()
        spans = log_spans(self.settings)
        newest = {partition: Position(0, max(span.begin, span.end - 1)) for partition, span in spans.items()}
        batch = self._micro_batch(spark, session, Progress(session, self.settings, self._clock), newest)
        self._query(batch, lambda rows, _: batch.rehearse(rows), availableNow=True).awaitTermination()
        self._is_warm = True
        self.events.tell("rehearsed", seconds=round(time.monotonic() - begin, 2))

    def _micro_batch(
        self, spark: SparkSession, session: Session, progress: Progress, positions: Mapping[int, Position]
    ) -> MicroBatch:
        checkpoint = self.scratch / "checkpoint"
        shutil.rmtree(checkpoint, ignore_errors=True)
        return MicroBatch(spark, session, progress, self.settings, positions, checkpoint, self.patience)

    def _query(self, batch: MicroBatch, take: Callable[[DataFrame, int], None], **trigger: Any) -> StreamingQuery:
        """Start to read the topic from the positions of ``batch`` on."""
        starts = {partition: position.next_offset for partition, position in batch.positions.items()}
        records = batch.spark.readStream.format("kafka").options(**source_options(self.settings, starts)).load()
        epochs_us = {partition: position.epoch_us for partition, position in batch.positions.items()}
        return (
            parsed(records, epochs_us, self.settings.cassandra.ttl.raw_s)
            .writeStream.foreachBatch(take)
            .option("checkpointLocation", str(batch.checkpoint))
            .trigger(**trigger)
            .start()
        )

    def _require_ownership(self) -> None:
        if not self._owning.is_set():
            raise _Disowned("the stream has handed the topic over")

    @property
    def _is_ending(self) -> bool:
        """The query takes no further batch."""
        return self.stopping.is_set() or bool(self._replays) or not self._owning.is_set()

    def _take_over(self, session: Session, order: ReplayOrder | None) -> tuple[Progress, dict[int, Position]]:
        """Become the owner, and with an order set progress back: nobody else can do that as long as this owns it."""
        progress = Progress(session, self.settings, self._clock)
        spans = log_spans(self.settings)
        self._require_ownership()
        progress.take_ownership()
        stored = progress.read()
        positions = start_positions(stored, spans, progress.write_time())
        if order:
            positions = set_back(positions, spans, order.begin)
        progress.place({part: position for part, position in positions.items() if stored.get(part) != position})
        return progress, positions

    def _take(self, batch: MicroBatch, rows: DataFrame, number: int) -> None:
        with self._batch:
            try:
                if self._is_ending:  # a return would have Spark count these rows as done, and go on behind them
                    raise _Ending("the query takes no further micro-batch")
                self.events.tell("batch", **asdict(batch.run(rows, number)))
                self._is_warm = True
            except Exception as error:
                self._failure = error
                raise

    def _fail(self, error: Exception) -> None:
        self._failure = error
        self._wake.set()

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
