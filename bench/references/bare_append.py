"""The connector's bare append: the rows lie in Spark's memory, sorted, and are written to the raw table."""

import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

from killrweather.home import Home
from killrweather.jobs.cassandra import append
from killrweather.jobs.events import dump, load
from killrweather.jobs.jvm import Jvm
from killrweather.jobs.session import open_session, spark_options
from killrweather.model.observation import COLUMNS, VALUE_FIELDS
from killrweather.services.jars import ensure
from killrweather.services.java import find_java
from killrweather.settings import Settings

_RUNS = 5
_BATCHES = {"spark.cassandra.output.batch.size.bytes": "16384"}


def measure(settings: Settings, rows: Path, directory: Path) -> float:
    """rows/s, the median of the runs after the first two, in a Spark of its own."""
    command = [sys.executable, "-m", "bench.references.bare_append", str(rows), str(directory)]
    done = subprocess.run(command, input=dump(settings), stdout=subprocess.PIPE, text=True, check=True)
    return statistics.median(json.loads(done.stdout)[2:])


def main(rows: Path, directory: Path) -> None:
    """Append the rows again and again, and print the rates."""
    settings, home = load(sys.stdin.readline()), Home(directory / "bare-append")
    scratch, jars = home.directory("spark"), ensure("spark", home, settings)
    heap = settings.spark.driver_memory
    jvm = Jvm(find_java(settings).executable, jars, heap, scratch, home.log("spark"), "WARN")
    try:
        jvm.attach()
        spark = open_session(settings, spark_options(settings, jars, scratch) | _BATCHES, "bare append")
        types = {field.name: "int" if field.type is int else "double" for field in VALUE_FIELDS}
        schema = ", ".join(f"{name} {types.get(name, 'string' if name == 'wsid' else 'int')}" for name in COLUMNS)
        frame = spark.read.schema(schema).csv(str(rows)).repartition(2, "wsid", "year")
        frame = frame.sortWithinPartitions("wsid", "year", "month", "day", "hour").cache()
        number, rates = frame.count(), []
        for _ in range(_RUNS):
            start = time.perf_counter()
            append(frame, settings, "raw_weather_data", time.time_ns() // 1000)
            rates.append(number / (time.perf_counter() - start))
    finally:
        jvm.kill()
    print(json.dumps(rates))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
