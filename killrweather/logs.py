"""Logs: one line for an event with its fields, as text or as a JSON object (``logging.format``).

    2026-03-01T12:00:00.123Z INFO    temperature[4711] restarted incarnation=2 reason="ValueError: ..."
    {"time": "2026-03-01T12:00:00.123Z", "level": "INFO", "process": "temperature", "pid": 4711, "event": "restarted",
     "fields": {"incarnation": 2, "reason": "ValueError: ..."}}

Fields are given as ``extra``: ``log.info("restarted", extra={"incarnation": 2})``. What is done for a request has its
``request_id`` among them.
"""

import json
import logging
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from killrweather.request_id import current
from killrweather.settings import Logging

_ROOT, _MANAGER = logging.root, logging.Logger.manager
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_MAX_TRACE = 6_000
_CHATTY = {
    "cassandra": logging.CRITICAL,
    "aiokafka": logging.CRITICAL,
    "httpx": logging.WARNING,
    "uvicorn": logging.ERROR,  # a line for each request that is no HTTP: anybody could fill the disk
}
"""Libraries that log each request, or a traceback for each attempt to reach what is away, which we say once."""


class _EventFormatter(logging.Formatter):
    def __init__(self, process: str):
        super().__init__()
        self._process = process

    def _fields(self, record: logging.LogRecord) -> dict[str, Any]:
        """What is known besides the event: the extra fields, the traceback as ``trace``, the request."""
        fields = {k: v for k, v in vars(record).items() if k not in _STANDARD}
        if record.exc_info:
            fields["trace"] = self.formatException(record.exc_info)[-_MAX_TRACE:]
        if request_id := current():
            fields.setdefault("request_id", request_id)
        return fields


class KeyValueFormatter(_EventFormatter):
    """One line for a record, its fields as key=value."""

    def format(self, record: logging.LogRecord) -> str:
        """The record's line."""
        head = f"{_moment(record)} {record.levelname:<7} {self._process}[{record.process}]"
        text = _visible(record.getMessage())
        return " ".join([head, text, *(f"{k}={_quoted(v)}" for k, v in self._fields(record).items())])


class JsonFormatter(_EventFormatter):
    """One JSON object for a record; a field that JSON has no value for is its text."""

    def format(self, record: logging.LogRecord) -> str:
        """The record's line."""
        line = {
            "time": _moment(record),
            "level": record.levelname,
            "process": self._process,
            "pid": record.process,
            "event": record.getMessage(),
            "fields": _plain(self._fields(record)),
        }
        return _json(line)


def _moment(record: logging.LogRecord) -> str:
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(record.created))}.{int(record.msecs):03d}Z"


def _quoted(value: object) -> str:
    text = str(value)
    plain = text and text.isprintable() and not any(c in text for c in ' "=')
    return text if plain else _json(text)


def _json(value: object) -> str:
    return _visible(json.dumps(value, ensure_ascii=False, allow_nan=False))


def _visible(text: str) -> str:
    """With escapes for what would not be seen, end the line for some reader, or turn the rest of it round."""
    return text if text.isprintable() else "".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in text)


def _plain(value: object) -> Any:
    """The value as JSON can hold it."""
    if isinstance(value, Mapping):
        return {str(name): _plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if value is None or isinstance(value, bool | int) or (isinstance(value, float) and value - value == 0):
        return value
    return str(value)


_FORMATTERS = {"text": KeyValueFormatter, "json": JsonFormatter}


def log_to_file(path: Path, settings: Logging, process: str) -> None:
    """Send all logs of this process to the end of a file; several processes may share it.

    Thespian replaces the root logger in every process it forks with one that sends each record to a process of its
    own; this puts the ordinary one back.
    """
    logging.root = logging.Logger.root = _ROOT
    logging.Logger.manager = _MANAGER
    handler = logging.FileHandler(path, encoding="utf-8", errors="backslashreplace")
    handler.setFormatter(_FORMATTERS[settings.format](process))
    for old in _ROOT.handlers[:]:
        _ROOT.removeHandler(old)
    _ROOT.addHandler(handler)
    _ROOT.setLevel(settings.level)
    for library, threshold in _CHATTY.items():
        logging.getLogger(library).setLevel(threshold)
