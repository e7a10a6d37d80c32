"""A line of the log: for people as key=value, for programs as JSON, never more than one line."""

import json
import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from killrweather.logs import JsonFormatter, KeyValueFormatter, log_to_file
from killrweather.request_id import working_for
from killrweather.settings import Logging


def record(event="batch", error=None, **fields):
    made = logging.LogRecord("a.b", logging.INFO, "f.py", 1, event, (), error and (type(error), error, None))
    made.created, made.msecs, made.process = 1_772_366_400.25, 250.0, 4711
    vars(made).update(fields)
    return made


def as_json(made):
    return json.loads(JsonFormatter("temperature").format(made))


def test_text_has_the_fields_as_key_and_value():
    """What has a space or a quote in it is quoted."""
    line = KeyValueFormatter("temperature").format(record(rows=5, reason='no "x"'))

    assert line == r'2026-03-01T12:00:00.250Z INFO    temperature[4711] batch rows=5 reason="no \"x\""'


def test_json_has_time_level_process_pid_event_and_fields():
    """Numbers stay numbers, and what JSON does not know becomes text."""
    assert as_json(record(rows=5, seconds={"raw": 0.5}, offsets={0: 7}, days=("a", 1), ok=True, none=None)) == {
        "time": "2026-03-01T12:00:00.250Z",
        "level": "INFO",
        "process": "temperature",
        "pid": 4711,
        "event": "batch",
        "fields": {
            "rows": 5, "seconds": {"raw": 0.5}, "offsets": {"0": 7}, "days": ["a", 1], "ok": True, "none": None,
        },
    }  # fmt: skip
    assert as_json(record(lag=float("nan"), wait=float("inf")))["fields"] == {"lag": "nan", "wait": "inf"}


def test_a_failure_has_its_traceback_as_a_field():
    """In the same line."""
    assert "ValueError: x" in as_json(record(error=ValueError("x")))["fields"]["trace"]


@pytest.mark.parametrize("formatter", [KeyValueFormatter("p"), JsonFormatter("p")], ids=["text", "json"])
def test_a_line_says_for_which_request_it_is(formatter):
    """Only while there is one."""
    with working_for("r-1"):
        inside = formatter.format(record())

    assert "r-1" in inside
    assert "request_id" not in formatter.format(record())


@given(st.text(), st.text(), st.sampled_from([KeyValueFormatter("p"), JsonFormatter("p")]))
def test_whatever_is_logged_is_one_line(event, value, formatter):
    """Nobody's text begins a line of its own, in no reader of lines, or has a terminal do anything."""
    assert formatter.format(record(event.replace("%", "%%"), value=value)).isprintable()


@pytest.fixture
def logging_as_it_was():
    """What ``log_to_file`` changes of the whole process."""
    root, handlers, level = logging.root, logging.root.handlers[:], logging.root.level
    yield
    for handler in logging.root.handlers[:]:
        if handler not in handlers:
            handler.close()
    logging.root.handlers[:] = handlers
    root.setLevel(level)


@pytest.mark.parametrize(("format", "begins"), [("text", "20"), ("json", '{"time": "20')])
def test_the_setting_decides_what_the_file_gets(tmp_path, logging_as_it_was, format, begins):
    """Half of a surrogate pair, which no file can hold, is escaped."""
    log_to_file(tmp_path / "node.log", Logging(format=format), "host")
    logging.getLogger("x").info("bad name \udc80", extra={"file": "\udc81 é"})
    [line] = (tmp_path / "node.log").read_text(encoding="utf-8").splitlines()

    assert line.startswith(begins)
    assert r"\udc80" in line
    assert r"\udc81 é" in line
    if format == "json":
        assert json.loads(line)["fields"] == {"file": "\udc81 é"}
