"""Logs: one line for an event, with its fields as key=value.

    2026-03-01T12:00:00.123Z INFO  temperature[4711] restarted incarnation=2 reason="ValueError: ..."

Fields are given as ``extra``: ``log.info("restarted", extra={"incarnation": 2})``.
"""

import json
import logging
import time
from pathlib import Path

_ROOT, _MANAGER = logging.root, logging.Logger.manager
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_MAX_TRACE = 6_000
_CHATTY = {"cassandra": logging.CRITICAL, "aiokafka": logging.CRITICAL, "httpx": logging.WARNING}
"""Libraries that log each request, or a traceback for each attempt to reach what is away, which we say once."""


class KeyValueFormatter(logging.Formatter):
    """One line for a record, its extra fields as key=value, its traceback as the field ``trace``."""

    def __init__(self, process: str):
        super().__init__()
        self._process = process

    def format(self, record: logging.LogRecord) -> str:
        """The record's line."""
        moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        head = f"{moment}.{int(record.msecs):03d}Z {record.levelname:<7} {self._process}[{record.process}]"
        fields = {k: v for k, v in vars(record).items() if k not in _STANDARD}
        if record.exc_info:
            fields["trace"] = self.formatException(record.exc_info)[-_MAX_TRACE:]
        text = record.getMessage().replace("\n", "\\n")
        return " ".join([head, text, *(f"{k}={_quoted(v)}" for k, v in fields.items())])


def _quoted(value: object) -> str:
    text = str(value)
    plain = text and text.isprintable() and not any(c in text for c in ' "=')
    return text if plain else json.dumps(text, ensure_ascii=False)


def log_to_file(path: Path, level: str, process: str) -> None:
    """Send all logs of this process to the end of a file; several processes may share it.

    Thespian replaces the root logger in every process it forks with one that sends each record to a process of its
    own; this puts the ordinary one back.
    """
    logging.root = logging.Logger.root = _ROOT
    logging.Logger.manager = _MANAGER
    handler = logging.FileHandler(path)
    handler.setFormatter(KeyValueFormatter(process))
    for old in _ROOT.handlers[:]:
        _ROOT.removeHandler(old)
    _ROOT.addHandler(handler)
    _ROOT.setLevel(level)
    for library, threshold in _CHATTY.items():
        logging.getLogger(library).setLevel(threshold)
