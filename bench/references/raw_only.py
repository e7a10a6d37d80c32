"""A micro-batch that writes the raw row alone: the same source, the same parsing, no aggregate, no progress."""

import asyncio
import contextlib
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path

from cassandra.cluster import Session
from pyspark.sql import DataFrame

from bench.references.topic import filled
from bench.steadily import POSTS_A_SECOND, fleet
from killrweather.home import Home
from killrweather.jobs.cassandra import append
from killrweather.jobs.events import dump, load
from killrweather.jobs.jvm import Jvm
from killrweather.jobs.kafka import source_options
from killrweather.jobs.records import parsed
from killrweather.jobs.session import open_session, spark_options
from killrweather.model.observation import COLUMNS
from killrweather.services.jars import ensure
from killrweather.services.java import find_java
from killrweather.settings import Settings
from killrweather.streams.producer import Producer
from killrweather.streams.topics import ensure_topics

_POLL_S = 0.005
_years = count(1900)


@dataclass
class Reference:
    """A running reference stream on a topic of its own."""

    settings: Settings

    def rows(self, session: Session, repeats: int = 30) -> list[float]:
        """Seconds from sending one row until it can be read."""
        query = session.prepare("SELECT temperature FROM raw_weather_data WHERE wsid = ? AND year = ?")
        return asyncio.run(self._rows(session, query, repeats))

    async def _rows(self, session: Session, query, repeats: int) -> list[float]:
        wsid, times = "999990:00001", []
        producer = Producer(self.settings, self.settings.kafka.topic.raw)
        await producer.start()
        try:
            for year in islice(_years, repeats):
                value = (year - 1890) / 10
                start = time.perf_counter()
                await producer.publish([(wsid.encode(), [f"{wsid},{year},06,15,12,{value},,,,,,1.0,".encode()])])
                while not (found := session.execute(query, (wsid, year)).one()) or found[0] != value:
                    await asyncio.sleep(_POLL_S)
                times.append(time.perf_counter() - start)
                await asyncio.sleep(0.3)
        finally:
            await producer.stop()
        return times

    def send(self, stop: threading.Event) -> None:
        """Send the fleet's rows, as it reports."""
        asyncio.run(self._send(stop))

    async def _send(self, stop: threading.Event) -> None:
        producer = Producer(self.settings, self.settings.kafka.topic.raw)
        await producer.start()
        try:
            for number in count():
                begin = time.monotonic()
                rows = [row.rstrip() for row in fleet(number)]
                await producer.publish([(row.split(",")[0].encode(), [row.encode()]) for row in rows])
                if stop.is_set():
                    return
                await asyncio.sleep(max(0.0, 1 / POSTS_A_SECOND - (time.monotonic() - begin)))
        finally:
            await producer.stop()


@contextlib.contextmanager
def stream(settings: Settings, rows: Path, directory: Path) -> Iterator[Reference]:
    """A reference stream for as long as it is needed; these rows warm it up."""
    own, _ = filled(settings, rows)
    partitions = asyncio.run(ensure_topics(own))
    command = [sys.executable, "-m", "bench.references.raw_only", str(directory), str(len(partitions))]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        process.stdin.write(dump(own) + "\n")
        process.stdin.flush()
        if process.stdout.readline() != "started\n":
            raise SystemExit("the reference stream did not start")
        yield Reference(own)
    finally:
        process.stdin.close()
        process.wait()


def main(directory: Path, partitions: int) -> None:
    """Follow the topic until stdin ends."""
    settings, home = load(sys.stdin.readline()), Home(directory / "raw-only")
    scratch, jars = home.directory("spark"), ensure("spark", home, settings)
    jvm = Jvm(find_java(settings).executable, jars, settings.spark.driver_memory, scratch, home.log("spark"), "WARN")
    try:
        jvm.attach()
        spark = open_session(settings, spark_options(settings, jars, scratch), "raw rows only")
        starts = dict.fromkeys(range(partitions), 0)
        records = spark.readStream.format("kafka").options(**source_options(settings, starts)).load()
        epoch_us = time.time_ns() // 1000
        rows = parsed(records, dict.fromkeys(starts, epoch_us)).where("not rejected").select(*COLUMNS, "write_time")
        checkpoint = scratch / "checkpoint"
        shutil.rmtree(checkpoint, ignore_errors=True)
        (
            rows.writeStream.foreachBatch(lambda frame, _: _store(frame, settings))
            .option("checkpointLocation", str(checkpoint))
            .trigger(processingTime=f"{settings.spark.trigger_interval_s} seconds")
            .start()
        )
        print("started", flush=True)
        sys.stdin.read()
    finally:
        jvm.kill()


def _store(rows: DataFrame, settings: Settings) -> None:
    append(rows, settings, "raw_weather_data", "write_time", scattered=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
