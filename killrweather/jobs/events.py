"""What the stream's process and the actor that watches it tell each other: one line, one thing.

From the actor, on stdin: the settings, then ``stop`` or the end of the file, both of which end the stream
after its current micro-batch. From the stream, on stdout, JSON objects:

    {"event": "started", "next_offsets": {"0": n}}                  the stream runs, from these offsets
    {"event": "batch", "rows", "stored", "rejected", "next_offsets", "seconds": {step: s}}
    {"event": "waiting", "for": "cassandra" | "kafka", "text"}      a service is away, it tries again
    {"event": "alive"}                                              every second, proven by the JVM
    {"event": "failed", "text"}                                     its last word before exit 1
"""

import json
import os
import threading
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from killrweather.settings import Settings

STOP = "stop"


def dump(settings: Settings) -> str:
    """The settings as one line of JSON with the secrets in it: for a pipe, never for a file or an argument."""
    return json.dumps(settings.model_dump(by_alias=True), default=_plain)


def load(line: str) -> Settings:
    """The settings that ``dump`` wrote."""
    return Settings.model_validate(json.loads(line))


class Events:
    """The stdout of the stream's process, taken away from everything else that might write to it."""

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
