"""Quix Streams: daily temperatures by a windowed reduce in its own state, nothing stored, repeats counted twice."""

import logging
import subprocess
import sys
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from quixstreams import Application

from bench.references.topic import filled
from killrweather.settings import Settings


def measure(settings: Settings, rows: Path, directory: Path) -> float:
    """rows/s of one process from its start to the last row, its own start-up left out."""
    own, number = filled(settings, rows)
    servers, topic = ",".join(own.kafka_servers), own.kafka.topic.raw
    command = [sys.executable, "-m", "bench.references.quix_days", servers, topic, str(directory / "quix"), str(number)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return number / float(done.stdout)


def main(servers: str, topic: str, state: str, number: int) -> None:
    """Reduce every row of the topic to its day, and print the seconds from the first row to the last."""
    application = Application(
        servers, consumer_group=f"{topic}.quix", state_dir=state, auto_offset_reset="earliest", loglevel=logging.ERROR
    )
    source = application.topic(topic, value_deserializer="bytes", timestamp_extractor=_moment)
    rows = application.dataframe(source).apply(_temperature)
    seen, first, last = 0, 0.0, 0.0

    def count(row: float | None) -> float | None:
        nonlocal seen, first, last
        last = time.perf_counter()
        first = first or last
        seen += 1
        if seen == number:
            application.stop()
        return row

    days = rows.apply(count).tumbling_window(timedelta(days=1)).reduce(reducer=_reduce, initializer=_initial)
    days.current()
    application.run()
    print(last - first)


def _moment(value: bytes, headers: Any, timestamp: int, kind: Any) -> int:
    _, year, month, day, hour, *_ = value.decode().split(",")
    return int(datetime(int(year), int(month), int(day), int(hour), tzinfo=timezone.utc).timestamp() * 1000)


def _temperature(value: bytes) -> float | None:
    text = value.decode().split(",")[5]
    return float(text) if text else None


def _initial(value: float | None) -> dict[str, float]:
    return _reduce({"high": -1e9, "low": 1e9, "sum": 0.0, "squares": 0.0, "count": 0}, value)


def _reduce(day: dict[str, float], value: float | None) -> dict[str, float]:
    if value is None:
        return day
    return {
        "high": max(day["high"], value),
        "low": min(day["low"], value),
        "sum": day["sum"] + value,
        "squares": day["squares"] + value * value,
        "count": day["count"] + 1,
    }


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]))
