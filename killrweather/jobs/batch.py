"""One micro-batch: raw rows first, then the touched days, months and years recomputed, then progress.

    1  good rows → raw_weather_data          dies here: nothing is known of it, the batch comes again
    2  rejected records → the rejected topic dies here: they are there twice, which ``since`` and their place tell
    3  touched days → the aggregate tables   dies here: they are computed again, to the same values
    4  next offsets → stream_progress        dies here: the batch comes again and changes nothing

Where the keyspace spans data centres, the touched days are written down for the others between 3 and 4.

Every step sets values and may run any number of times.
"""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import partial
from pathlib import Path

from cassandra.cluster import Session
from pyspark.sql import Column, DataFrame, Observation, SparkSession
from pyspark.sql import functions as F

from killrweather.errors import TopicChanged
from killrweather.jobs.by_driver import ByDriver
from killrweather.jobs.by_spark import BySpark
from killrweather.jobs.cassandra import append
from killrweather.jobs.kafka import kafka_options
from killrweather.jobs.patience import Patience
from killrweather.jobs.records import code, reason
from killrweather.model.day import Day
from killrweather.model.observation import COLUMNS
from killrweather.settings import Settings
from killrweather.storage.journal import Journal
from killrweather.storage.progress import Position, Progress

_FEW_DAYS = 2_000
"""So many are recomputed by this process's own driver: the Spark jobs would take longer."""

_MONTHS_AT_ONCE = 1_000
"""Some 60,000 rows to read, and less than a second."""

_SCATTERED_RECORDS = 10_000
"""A micro-batch of no more is taken for the hour of a fleet, a larger one for the history of some stations."""


@dataclass(frozen=True, slots=True)
class BatchResult:
    """What one micro-batch did; ``seconds`` by step."""

    rows: int
    stored: int
    rejected: int
    next_offsets: dict[int, int]
    newest: str | None
    """The newest hour that any batch has ever stored, in ISO 8601."""
    seconds: dict[str, float]


@dataclass(slots=True)
class _Stored:
    rows: int
    rejected: int
    touched: list[Day]
    newest: datetime | None


@dataclass
class MicroBatch:
    """The steps of a micro-batch and what they need; one object for the life of a query."""

    spark: SparkSession
    session: Session
    progress: Progress
    settings: Settings
    positions: Mapping[int, Position]
    checkpoint: Path
    patience: Patience

    def __post_init__(self) -> None:
        self._by_driver = ByDriver(self.session, self.progress.write_time)
        self._by_spark = BySpark(self.spark, self.settings, self.progress.write_time)
        self._journal = Journal(self.session, self.settings) if self.settings.cassandra.spans_data_centres else None
        # Columns are made once: each costs dozens of calls into the JVM.
        self._seen = (
            F.count(F.lit(1)).alias("rows"),
            F.count_if("rejected").alias("rejected"),
            F.concat_ws("\n", F.collect_set(F.when(~F.col("rejected"), F.concat_ws(",", *Day._fields)))).alias("days"),
            F.max(F.when(~F.col("rejected"), F.expr("((year * 100 + month) * 100 + day) * 100 + hour"))).alias(
                "newest"
            ),
        )
        self._good = ~F.col("rejected")
        ttl_s = self.settings.cassandra.ttl.raw_s
        self._fault = {"origin": F.lit("stream"), "code": code(ttl_s), "reason": reason(ttl_s)}
        self._begin = {partition: position.next_offset for partition, position in self.positions.items()}

    def run(self, rows: DataFrame, batch_id: int) -> BatchResult:
        """Take a batch of ``parsed`` rows through all its steps."""
        watch = _Stopwatch()
        ends = planned_offsets(self.checkpoint, batch_id, self.settings.kafka.topic.raw)
        unknown = sorted(ends.keys() - self.positions.keys())
        if unknown:
            raise TopicChanged(f"topic {self.settings.kafka.topic.raw} has new partitions: {unknown}")
        records = sum(end - self._begin[partition] for partition, end in ends.items())
        stored = self.patience.attempt(lambda: self._store(rows, scattered=records <= _SCATTERED_RECORDS))
        watch.lap("raw")
        if stored.rejected:
            self.patience.attempt(lambda: self._reject(rows))
            watch.lap("rejected")
        if stored.touched:
            by = self._by_driver if len(stored.touched) <= _FEW_DAYS else self._by_spark
            self.patience.attempt(lambda: by.days(stored.touched))
            watch.lap("days")
            self._merge(stored.touched)
            watch.lap("months")
        number = None
        if self._journal and stored.touched:
            number = self.progress.next_journal
            self.patience.attempt(partial(self._journal.write, number, stored.touched))
            watch.lap("journal")
        self.patience.attempt(lambda: self.progress.advance(ends, number, stored.newest))
        self._begin.update(ends)
        watch.lap("progress")
        newest = self.progress.newest.isoformat() if self.progress.newest else None
        return BatchResult(stored.rows, stored.rows - stored.rejected, stored.rejected, ends, newest, watch.seconds)

    def rehearse(self, rows: DataFrame) -> None:
        """Take a batch of ``parsed`` rows through the first step, and store none of them."""
        self._store(rows.where(F.col("offset") < 0), scattered=True)

    def _store(self, rows: DataFrame, scattered: bool) -> _Stored:
        seen = Observation()
        good = rows.observe(seen, *self._seen).where(self._good).select(*COLUMNS, "write_time")
        append(good, self.settings, "raw_weather_data", "write_time", self.settings.cassandra.ttl.raw_s, scattered)
        found = seen.get
        touched = [_day(line) for line in found["days"].splitlines()]
        return _Stored(found["rows"], found["rejected"], touched, newest_hour(found["newest"]))

    def _reject(self, rows: DataFrame) -> None:
        """Send the rejected records on as they are: key and value, the reason and their place as headers.

        Not those that a replay comes by: they are there. ``since`` is where this micro-batch began, and before it
        everything is there; see ``streams.rejected``. One without a key gets its partition's, so that it goes to the
        same partition when this micro-batch comes again.
        """
        options = kafka_options(self.settings) | {"topic": self.settings.kafka.topic.rejected}
        since = {part: max(begin, self.positions[part].reached) for part, begin in self._begin.items()}
        pairs = [F.lit(number) for pair in since.items() for number in pair]
        began = F.element_at(F.create_map(*pairs), F.col("partition"))
        place = {name: F.col(name) for name in ("topic", "partition", "offset")}
        key = F.coalesce("key", F.concat_ws("-", "topic", "partition").cast("binary")).alias("key")
        rejected = rows.where(F.col("rejected") & (F.col("offset") >= began)).select(
            key, "value", _headers({**self._fault, **place, "since": began})
        )
        rejected.write.format("kafka").options(**options).save()

    def _merge(self, touched: list[Day]) -> None:
        """Set the months and years of the touched days, some at a time: each is a step of its own to ``patience``."""
        months = sorted({(day.wsid, day.year, day.month) for day in touched})
        for first in range(0, len(months), _MONTHS_AT_ONCE):
            some = months[first : first + _MONTHS_AT_ONCE]
            self.patience.attempt(partial(self._by_driver.merge, some))


def _headers(values: Mapping[str, Column]) -> Column:
    return F.array(
        *(
            F.struct(F.lit(name).alias("key"), column.cast("string").cast("binary").alias("value"))
            for name, column in values.items()
        )
    ).alias("headers")


def planned_offsets(checkpoint: Path, batch_id: int, topic: str) -> dict[int, int]:
    """The offset after a batch's last record, for each partition, as Spark's log of offsets has it.

    Not from the records: a batch that ends with a transaction's marker has no record there.
    """
    lines = (checkpoint / "offsets" / str(batch_id)).read_text(encoding="utf-8").splitlines()
    return {int(partition): offset for partition, offset in json.loads(lines[-1])[topic].items()}


def newest_hour(digits: int | None, now: datetime | None = None) -> datetime | None:
    """The hour that was written as the number YYYYMMDDHH; one still to come counts as now.

    Spark is not asked for its own clock: a time in a plan has all its classes compiled anew for each micro-batch.
    """
    if digits is None:
        return None
    now = now or datetime.now(timezone.utc)
    return min(now, datetime.strptime(str(digits), "%Y%m%d%H").replace(tzinfo=timezone.utc))


def _day(line: str) -> Day:
    wsid, year, month, day = line.split(",")
    return Day(wsid, int(year), int(month), int(day))


class _Stopwatch:
    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, step: str) -> None:
        now = time.perf_counter()
        self.seconds[step] = round(now - self._last, 4)
        self._last = now
