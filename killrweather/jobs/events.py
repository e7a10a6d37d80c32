"""What a job's process and the actor that watches it tell each other: one line, one thing.

From the actor, on stdin: the settings, then ``stop`` or the end of the file, both of which end the job after what it
has begun, a micro-batch or a chunk of station-years. From every job, on stdout, JSON objects:

    {"event": "waiting", "for": "cassandra" | "kafka" | "disk", "text"}   that is away or full, it tries again
    {"event": "alive"}                                              every second, proven by the JVM
    {"event": "failed", "text"}                                     its last word before exit 1

The stream is also told ``own`` and ``disown``: it follows the topic from the one to the other, and stands by before
and after; and ``{"replay": id, "begin": {"0": n}}``: set back, after the current micro-batch. It tells

    {"event": "standby", "text", "fenced": false}                   it is ready to own the topic, or no longer does
    {"event": "rehearsed", "seconds": s}                            its JVM is warm: it can take over at once
    {"event": "started", "next_offsets": {"0": n}, "replay": id | null, "replay_until": {"0": n}, "newest": time | null}
                                                                    it runs, from these offsets
    {"event": "batch", "rows", "stored", "rejected", "next_offsets", "newest": time | null, "seconds": {step: s}}
    {"event": "reconciled", "stream", "number", "of", "days"}      another data centre's journal is followed so far
    {"event": "apart", "text"}                                      another data centre is away, it tries again
    {"event": "expired", "text"}                                    of a journal, before it was followed

and a recompute

    {"event": "started", "total": n}                                so many station-years
    {"event": "nothing", "text"}                                    there is no such station or year; its last word
    {"event": "chunk", "station_years", "rows", "days", "months", "years", "seconds"}   so many so far
    {"event": "done"}                                               its last word before exit 0
"""

import json
import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from killrweather.settings import Settings

STOP = "stop"
OWN = "own"
DISOWN = "disown"


@dataclass(frozen=True, slots=True)
class ReplayOrder:
    """What tells the stream to read the log again from these offsets."""

    id: str
    begin: Mapping[int, int]

    def dump(self) -> str:
        """The order as one line."""
        return json.dumps({"replay": self.id, "begin": dict(self.begin)})

    @classmethod
    def load(cls, line: str) -> "ReplayOrder":
        """The order that ``dump`` wrote."""
        order = json.loads(line)
        return cls(order["replay"], partitions(order["begin"]))


def partitions(offsets: Mapping[str, int]) -> dict[int, int]:
    """Offsets by partition as they come out of JSON, which has no numbers for keys."""
    return {int(partition): offset for partition, offset in offsets.items()}


def dump(settings: Settings) -> str:
    """The settings as one line of JSON with the secrets in it: for a pipe, never for a file or an argument."""
    return json.dumps(settings.model_dump(by_alias=True), default=_plain)


def load(line: str) -> Settings:
    """The settings that ``dump`` wrote."""
    return Settings.model_validate(json.loads(line))


class Events:
    """The stdout of a job's process, taken away from everything else that might write to it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._out = os.fdopen(os.dup(1), "w", encoding="utf-8")
        os.dup2(2, 1)

    def tell(self, event: str, **fields: Any) -> None:
        """Tell the actor; a reader that is gone is noticed at stdin and is no failure here."""
        try:
            with self._lock:
                self._out.write(json.dumps({"event": event, **fields}) + "\n")
                self._out.flush()
        except BrokenPipeError:
            return


def _plain(value: object) -> str:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"settings hold a {type(value).__name__}, expected what JSON can hold")
