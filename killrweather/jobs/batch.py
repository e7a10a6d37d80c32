"""One micro-batch: raw rows first, then the touched days recomputed from raw, then progress.

    1  good rows → raw_weather_data          dies here: nothing is known of it, the batch comes again
    2  rejected records → the rejected topic dies here: they are there twice, which their place tells
    3  touched days → the aggregate tables   dies here: they are computed again, to the same values
    4  new station-years → raw_weather_year  dies here: the same
    5  next offsets → stream_progress        dies here: the batch comes again and changes nothing

Every step sets values and may run any number of times.
"""

import json
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from pathlib import Path

from cassandra.cluster import Session
from pyspark.sql import DataFrame, Observation, SparkSession
from pyspark.sql import functions as F

from killrweather.errors import TopicChanged
from killrweather.jobs import readback
from killrweather.jobs.aggregates import daily, daily_precipitation, daily_temperature
from killrweather.jobs.kafka import kafka_options
from killrweather.jobs.patience import Patience
from killrweather.jobs.readback import Day
from killrweather.jobs.records import checked, write_time_us
from killrweather.jobs.session import CATALOG
from killrweather.model.observation import COLUMNS
from killrweather.settings import Settings
from killrweather.storage.progress import Position, Progress
from killrweather.storage.session import run

_MANY_KEYS = 64
"""Read-backs of more questions are computed once and kept for both tables; fewer are quicker read twice."""


@dataclass(frozen=True, slots=True)
class BatchResult:
    """What one micro-batch did; ``seconds`` by step."""

    rows: int
    stored: int
    rejected: int
    next_offsets: dict[int, int]
    seconds: dict[str, float]


@dataclass(slots=True)
class _Stored:
    rows: int
    rejected: int
    touched: list[Day]


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
    _years: set[tuple[str, int]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._raw = self.spark.read.format(CATALOG).options(**self._table("raw_weather_data")).load()
        self._raw = self._raw.select("wsid", "year", "month", "day", "hour", "temperature", "one_hour_precip")
        self._add_year = self.session.prepare("INSERT INTO raw_weather_year (wsid, year) VALUES (?, ?)")
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="aggregate")

    def run(self, records: DataFrame, batch_id: int) -> BatchResult:
        """Take the batch through all its steps."""
        watch = _Stopwatch()
        ends = planned_offsets(self.checkpoint, batch_id, self.settings.kafka.topic.raw)
        unknown = sorted(ends.keys() - self.positions.keys())
        if unknown:
            raise TopicChanged(f"topic {self.settings.kafka.topic.raw} has new partitions: {unknown}")
        rows = self._checked(records)
        stored = self.patience.attempt(lambda: self._store(rows))
        watch.lap("raw")
        if stored.rejected:
            self.patience.attempt(lambda: self._reject(rows))
            watch.lap("rejected")
        if stored.touched:
            self.patience.attempt(lambda: self._recompute(stored.touched))
            watch.lap("days")
            self.patience.attempt(lambda: self._note_years(stored.touched))
            watch.lap("years")
        self.patience.attempt(lambda: self.progress.advance(ends))
        watch.lap("progress")
        return BatchResult(stored.rows, stored.rows - stored.rejected, stored.rejected, ends, watch.seconds)

    def _checked(self, records: DataFrame) -> DataFrame:
        now = datetime.now(timezone.utc)
        return checked(records, last_year=now.year + 1, oldest_day=oldest_day(now, self.settings.cassandra.ttl.raw_s))

    def _store(self, rows: DataFrame) -> _Stored:
        seen = Observation()
        day = F.when(~F.col("rejected"), F.concat_ws(",", *Day._fields))
        epochs = {partition: position.epoch_us for partition, position in self.positions.items()}
        observed = rows.observe(
            seen,
            F.count(F.lit(1)).alias("rows"),
            F.count_if("rejected").alias("rejected"),
            F.concat_ws("\n", F.collect_set(day)).alias("days"),
        )
        good = observed.where(~F.col("rejected")).select(*COLUMNS, write_time_us(epochs).alias("write_time"))
        options = {"writetime": "write_time"}
        if self.settings.cassandra.ttl.raw_s:
            options["ttl"] = str(self.settings.cassandra.ttl.raw_s)
        self._append(good, "raw_weather_data", **options)
        found = seen.get
        return _Stored(found["rows"], found["rejected"], [_day(line) for line in found["days"].splitlines()])

    def _reject(self, rows: DataFrame) -> None:
        texts = {"reason": "reason", "topic": "topic", "partition": "partition", "offset": "offset"}
        headers = F.array(
            *(
                F.struct(F.lit(name).alias("key"), F.col(column).cast("string").cast("binary").alias("value"))
                for name, column in texts.items()
            )
        )
        rejected = rows.where("rejected").select("key", "value", headers.alias("headers"))
        options = kafka_options(self.settings) | {"topic": self.settings.kafka.topic.rejected}
        rejected.write.format("kafka").options(**options).save()

    def _recompute(self, touched: list[Day]) -> None:
        chosen = readback.choose(touched)
        tasks = self.settings.spark.shuffle_partitions
        read_began_us = str(time.time_ns() // 1000)
        days = daily(readback.rows(self.spark, self._raw, chosen, tasks))
        many = len(chosen.keys) > _MANY_KEYS
        if many:
            days = days.persist()
        try:
            writes = [
                self._threads.submit(self._append, frame, table, writetime=read_began_us)
                for table, frame in (
                    ("daily_aggregate_temperature", daily_temperature(days)),
                    ("daily_aggregate_precip", daily_precipitation(days)),
                )
            ]
            for write in writes:
                write.result()
        finally:
            if many:
                days.unpersist()

    def _note_years(self, touched: list[Day]) -> None:
        new = {(day.wsid, day.year) for day in touched} - self._years
        for pair in new:
            run(self.session, self._add_year, pair)
        self._years |= new

    def _append(self, frame: DataFrame, table: str, **options: str) -> None:
        frame.write.format(CATALOG).options(**self._table(table), **options).mode("append").save()

    def _table(self, name: str) -> dict[str, str]:
        return {"keyspace": self.settings.cassandra.keyspace, "table": name, "directJoinSetting": "on"}


def planned_offsets(checkpoint: Path, batch_id: int, topic: str) -> dict[int, int]:
    """The offset after a batch's last record, for each partition, as Spark's log of offsets has it.

    Not from the records: a batch that ends with a transaction's marker has no record there.
    """
    lines = (checkpoint / "offsets" / str(batch_id)).read_text(encoding="utf-8").splitlines()
    return {int(partition): offset for partition, offset in json.loads(lines[-1])[topic].items()}


def oldest_day(now: datetime, ttl_s: int) -> str | None:
    """The first day of which no raw row may have expired; None if raw rows are kept for ever."""
    if not ttl_s:
        return None
    oldest: date = (now - timedelta(seconds=ttl_s)).date() + timedelta(days=1)
    return oldest.isoformat()


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
