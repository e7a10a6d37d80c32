"""The stream from Kafka to its tables, with real services, a real Spark and real deaths."""

import os
import random
import signal
import threading
import time
from dataclasses import replace
from itertools import groupby

import psutil
import pytest
from pandas_truth import AGGREGATES, aggregate, rows_of
from stream_stage import Stage, fresh
from weather_files import as_csv, real_year

from killrweather.errors import Fenced
from killrweather.home import Home
from killrweather.jobs.by_driver import ByDriver
from killrweather.model.day import Day
from killrweather.model.observation import VALUE_FIELDS
from killrweather.storage.clock import AHEAD_US, WriteClock, now_us
from killrweather.storage.progress import Progress
from killrweather.streams.rejected import RejectedLog

TABLES = ("raw_weather_data", *AGGREGATES)
ORPHAN_LIMIT_S = 2.0


@pytest.fixture(scope="module")
def running(services, tmp_path_factory):
    """A stream that is shared by the tests that do not harm it; each has stations of its own."""
    stage = Stage(fresh(services.settings), Home(tmp_path_factory.mktemp("stream")))
    stage.start()
    stage.wait_for("started")
    yield stage
    assert stage.end() == 0
    stage.close()


@pytest.fixture
def stage(services, tmp_path):
    """A topic, a group and a keyspace for a stream that will be killed."""
    made = Stage(fresh(services.settings, max_rows_per_batch=1_000), Home(tmp_path))
    yield made
    made.kill()
    made.close()


def hours(wsid, year=2015, days=120, seed=1, missing=0.1):
    """Plausible hours of one station as CSV lines: some values missing, some rain a trace, some days without either."""
    chance = random.Random(seed)
    for day in range(days):
        month, of_month = 1 + day // 28, 1 + day % 28
        silent = chance.choice([None, "temperature", "one_hour_precip", None])
        for hour in range(24):
            fields = []
            for each in VALUE_FIELDS:
                value = chance.uniform(each.low, each.high)
                if each.trace and chance.random() < 0.5:
                    value = -0.1
                stated = chance.random() > missing and each.name != silent
                fields.append("" if not stated else str(int(value)) if each.type is int else f"{value:.1f}")
            if any(fields):
                yield f"{wsid},{year},{month:02},{of_month:02},{hour:02},{','.join(fields)}"


def assert_aggregates_equal_pandas(stage, lines, tmp_path):
    """Every day, month and year of these lines, and no other, is in its table as pandas works it out from the hours."""
    path = tmp_path / "lines.csv"
    path.write_text("\n".join(lines) + "\n")
    rows = rows_of(path)
    stations = set(rows["wsid"])
    for table, (keys, names) in AGGREGATES.items():
        expected = aggregate(rows, table)
        found = {
            tuple(row[name] for name in keys): tuple(row[name] for name in names)
            for row in stage.rows(table)
            if row["wsid"] in stations
        }
        assert found.keys() == expected.keys()
        wrong = {
            key: (found[key], want)
            for key, want in expected.items()
            if any(abs(a - b) >= 1e-9 for a, b in zip(found[key], want, strict=True))
        }
        assert not wrong


def test_generated_hours_become_the_days_that_pandas_computes(running, tmp_path):
    """Missing values, traces and days without temperature or rain included."""
    lines = list(hours("000001:00001"))
    running.publish("000001:00001", lines)
    running.wait_until_stored()

    assert_aggregates_equal_pandas(running, lines, tmp_path)


def test_a_real_year_becomes_the_days_that_pandas_computes(running, tmp_path):
    """Every hour of two stations."""
    lines = as_csv(real_year()).decode().splitlines()
    for wsid, own in groupby(lines, lambda line: line.split(",")[0]):
        running.publish(wsid, list(own))
    running.wait_until_stored()

    assert_aggregates_equal_pandas(running, lines, tmp_path)


def test_the_hours_of_a_fleet_become_the_days_that_pandas_computes(running, tmp_path):
    """67 stations at once, for three hours: with temperature, with rain, with both, and with neither."""
    stated = ["11.5,,,,,,0.2,", "-3.0,,,,,,,", ",,,,,,-0.1,", ",,1013.2,,,,,"]
    fleet = {f"{100 + n:06}:00012": stated[n % 4] for n in range(67)}
    lines = []
    for hour in range(3):
        report = [f"{wsid},2017,03,31,{hour:02},{fields}" for wsid, fields in fleet.items()]
        running.publish("000100:00012", report)
        running.wait_until_stored()
        lines += report

    assert_aggregates_equal_pandas(running, lines, tmp_path)


def test_a_day_that_somebody_left_half_written_is_not_counted_and_stops_nothing(running):
    """A month is what its whole days come to."""
    wsid = "000013:00013"
    for table, value in (("daily_aggregate_temperature", "high"), ("daily_aggregate_precip", "precipitation")):
        where = f"WHERE wsid = '{wsid}' AND year = 2017 AND month = 3 AND day = 30"
        running.session.execute(f"UPDATE {table} SET {value} = 50 {where}")
    running.publish(wsid, [f"{wsid},2017,03,31,00,11.5,,,,,,0.2,"])
    running.wait_until_stored()

    months = [row for row in running.rows("monthly_aggregate_temperature") if row["wsid"] == wsid]
    rain = [row for row in running.rows("year_cumulative_precip") if row["wsid"] == wsid]
    assert [(row["high"], row["count"]) for row in months] == [(11.5, 1)]
    assert [(row["precipitation"], row["wet_hours"]) for row in rain] == [(0.2, 1)]


def test_loading_the_same_twice_more_changes_no_row_of_any_table(running):
    """A replay sets what is there."""
    lines = list(hours("000002:00002", days=40))
    running.publish("000002:00002", lines)
    running.wait_until_stored()
    before = {table: running.rows(table) for table in TABLES}

    for _ in range(2):
        running.publish("000002:00002", lines)
        running.wait_until_stored()

    assert {table: running.rows(table) for table in TABLES} == before


def test_what_is_recomputed_a_little_at_a_time_is_what_comes_of_it_at_once_to_the_last_bit(services, tmp_path):
    """2,400 days in one batch are Spark's work, 240 days at a time the driver's: no table can tell."""
    wsids = [f"000011:0000{n}" for n in range(10)]
    all_hours = (line for wsid in wsids for year in range(1990, 2000) for line in hours(wsid, year, 336, seed=year))
    lines = [line for line in all_hours if int(line[21:23]) in (1, 28) and int(line[24:26]) % 8 == 0]
    stage = Stage(fresh(services.settings), Home(tmp_path))
    stage.publish(wsids[0], lines)
    stage.start()
    try:
        stage.wait_until_stored()
        assert len({line[:23] for line in lines}) == 2_400
        assert [event["rows"] for event in stage.events if event["event"] == "batch"] == [len(lines)]
        at_once = {table: stage.rows(table) for table in AGGREGATES}

        for begin in range(0, len(lines), 720):
            stage.publish(wsids[0], lines[begin : begin + 720])
            stage.wait_until_stored()

        assert {table: stage.rows(table) for table in AGGREGATES} == at_once
    finally:
        stage.kill()
        stage.close()


def test_the_newest_version_of_an_hour_wins_wherever_it_lies_in_the_log(running):
    """2,400 versions of 24 hours, each colder than the one before, in producer batches across offsets 1000 and 2000."""
    wsid = "000003:00003"
    lines = [f"{wsid},2016,05,01,{i % 24:02},{50 - i / 100:.2f},,,,,,," for i in range(2_400)]
    running.publish(wsid, lines)
    running.wait_until_stored()

    stored = {row["hour"]: row["temperature"] for row in running.rows("raw_weather_data") if row["wsid"] == wsid}
    assert stored == {i % 24: round(50 - i / 100, 2) for i in range(2_376, 2_400)}


def test_a_missing_field_leaves_what_is_stored(running):
    """An hour stated in two halves is whole, and its day knows both."""
    wsid = "000004:00004"
    running.publish(wsid, [f"{wsid},2016,05,01,07,11.5,,,,,,,"])
    running.wait_until_stored()
    running.publish(wsid, [f"{wsid},2016,05,01,07,,,,,,,2.5,"])
    running.wait_until_stored()

    row = next(row for row in running.rows("raw_weather_data") if row["wsid"] == wsid)
    assert (row["temperature"], row["one_hour_precip"]) == (11.5, 2.5)
    day = next(row for row in running.rows("daily_aggregate_temperature") if row["wsid"] == wsid)
    assert (day["mean"], day["count"]) == (11.5, 1)


def test_records_that_cannot_be_read_are_kept_with_place_and_reason_and_their_neighbours_live(running):
    """Binary junk, wrong columns, impossible hours and values, between good rows."""
    wsid = "000005:00005"
    good = [f"{wsid},2016,05,01,{hour:02},10.0,,,,,,," for hour in range(2)]
    bad = {
        b"\xff\xfe\x00junk": "1 columns: expected 13",
        f"{wsid},2016,05,01,00,10.0".encode(): "6 columns: expected 13",
        f"{wsid},2016,02,30,00,10.0,,,,,,,".encode(): "time 2016-2-30-0: expected",
        f"{wsid},2016,05,01,24,10.0,,,,,,,".encode(): "time 2016-5-1-24: expected",
        f"{wsid},2016,05,01,00,NaN,,,,,,,".encode(): 'temperature "NaN": expected',
        f"{wsid},2016,05,01,00,61,,,,,,,".encode(): 'temperature "61.0": expected -95…60 °C',
        f"{wsid},2016,05,01,00,x,,,,,,,".encode(): 'temperature "x": expected a number',
        f"{wsid},2016,05,01,00,1,,,2.5,,,,".encode(): 'wind_direction "2.5": expected a whole number',
        f"{wsid},2016,05,01,00,10.0d,,,,,,,".encode(): 'field "10.0d": expected a decimal number',
        f"{wsid},2016,05,01,00,10.0,,,,0x1p3,,,".encode(): 'field "0x1p3": expected a decimal number',
        f"{wsid},2016,05,01,00,١٠,,,,,,,".encode(): 'temperature "١٠": expected a number',
        f"{wsid},2016,05,01,00,,,,,,,,".encode(): "empty",
        b"5:5,2016,05,01,00,10.0,,,,,,,": 'wsid "5:5": expected',
        f"{good[0]}\n{good[1]}".encode(): "more than one line",
        f"{good[0]}{',' * 30_000}".encode(): "30013 columns: expected 13",
    }
    first = dict(running.sent)
    running.publish(wsid, [good[0], *bad, good[1]])
    running.wait_until_stored()

    records = running.rejected(len(bad))
    (partition,) = (p for p, offset in running.sent.items() if offset != first.get(p, 0))
    begin = running.sent[partition] - len(bad) - 1
    assert {record.value for record in records} == bad.keys()
    for record in records:
        headers = {name: value.decode() for name, value in record.headers}
        assert headers["reason"].startswith(bad[record.value])
        assert headers["topic"] == running.settings.kafka.topic.raw
        assert (int(headers["partition"]), int(headers["offset"])) == (
            partition,
            begin + list(bad).index(record.value),
        )
        assert record.key == wsid.encode()
    assert len([row for row in running.rows("raw_weather_data") if row["wsid"] == wsid]) == 2


def test_the_stream_waits_in_place_for_a_cassandra_that_does_not_answer(running, services, tmp_path):
    """15 s of silence in the middle of a load: no restart, nothing lost."""
    pid = next(status.pid for status in services.status() if status.name == "cassandra")
    lines = list(hours("000006:00006", days=60))
    stream = running.process.pid
    running.events.clear()
    os.kill(pid, signal.SIGSTOP)
    try:
        running.publish("000006:00006", lines)
        waiting = running.wait_for("waiting")
        time.sleep(15)
    finally:
        os.kill(pid, signal.SIGCONT)
    running.wait_until_stored()

    assert waiting["for"] == "cassandra"
    assert running.process.pid == stream
    assert running.process.poll() is None
    assert_aggregates_equal_pandas(running, lines, tmp_path)


def test_a_stream_that_stands_by_rehearses_without_storing_a_row(stage, tmp_path):
    """It has read what nobody has stored yet, and neither a table nor progress shows it until it owns the topic."""
    lines = list(hours("000016:00016", days=2))
    stage.publish("000016:00016", lines)
    stage.start(owning=False)
    stage.wait_for("rehearsed")

    assert not any(stage.rows(table) for table in (*TABLES, "stream_progress"))
    stage.own()
    stage.wait_until_stored()
    assert_aggregates_equal_pandas(stage, lines, tmp_path)


def test_a_stream_killed_in_the_middle_of_a_backlog_is_taken_up_exactly(stage, tmp_path):
    """kill -9 of its Python process takes the JVM along; kill -9 of its JVM takes the process along."""
    lines = list(hours("000007:00007", days=200))
    stage.publish("000007:00007", lines)
    stage.start()
    stage.wait_for("batch")
    jvm = stage.jvm()
    stage.process.kill()
    _, left = psutil.wait_procs([jvm], timeout=ORPHAN_LIMIT_S)
    assert not left

    stage.start()
    stage.wait_for("batch")
    stage.jvm().kill()
    assert stage.process.wait(timeout=10) == 1

    stage.start()
    stage.wait_until_stored()

    assert_aggregates_equal_pandas(stage, lines, tmp_path)


def test_what_a_stream_rejects_again_after_it_was_set_back_counts_once(stage):
    """The last micro-batch comes again, as after a death before its progress: what it rejects is there twice.

    A replay sends nothing again.
    """
    good = list(hours("000009:00009", days=60))
    lines = [line if n % 7 else f"{line},1" for n, line in enumerate(good)]
    bad = len(range(0, len(lines), 7))
    stage.publish("000009:00009", lines)
    [(partition, end)] = stage.sent.items()
    found = []
    stage.start(owning=False)
    for set_back in (lambda at: at, lambda at: replace(at, next_offset=end - 70), lambda at: at.back_at(0)):
        progress = Progress(stage.session, stage.settings)
        if found:
            stage.disown()
            progress.take_ownership()
            progress.place({partition: set_back(progress.read()[partition])})
        stage.own()
        stage.wait_until_stored()
        found.append(stage.rejected(bad + 11, timeout_s=5))
    log = RejectedLog()
    for record in found[-1]:
        log.take(record)

    assert [len(records) for records in found] == [bad, bad + 10, bad + 10]
    assert log.counts == {("stream", "columns"): bad}


def test_the_newest_hour_of_good_rows_is_kept_with_the_progress(stage):
    """The next stream knows it before its first micro-batch; older hours and rejected records do not move it."""
    wsid = "000010:00010"
    good = [f"{wsid},2016,05,{day:02},07,10.0,,,,,,," for day in (3, 1)]
    stage.publish(wsid, [*good, f"{wsid},2016,05,04,07,61,,,,,,,"])
    stage.start()
    assert stage.wait_for("started")["newest"] is None
    stage.wait_until_stored()
    newest = [event["newest"] for event in stage.events if event["event"] == "batch"][-1]
    stage.kill()
    stage.start()

    assert newest == "2016-05-03T07:00:00+00:00"
    assert stage.wait_for("started")["newest"] == newest
    stage.publish(wsid, [f"{wsid},2016,04,30,07,10.0,,,,,,,"])
    assert stage.wait_for("batch")["newest"] == newest


def test_a_stream_that_was_replaced_stands_by_without_moving_progress(stage):
    """Another owner has raised the generation: the old one's next batch is refused, and it waits for an order."""
    stage.start()
    stage.wait_for("started")
    other = Progress(stage.session, stage.settings)
    other.take_ownership()
    before = other.read()
    stage.publish("000008:00008", hours("000008:00008", days=2))

    fenced = stage.wait_for("standby", fenced=True)
    assert "no longer its owner" in fenced["text"]
    assert other.read() == before
    assert stage.end() == 0
    assert other.read() == before


def stop_or_continue(stream, sign):
    """SIGSTOP or SIGCONT for a stream and its JVM."""
    for process in (psutil.Process(stream.process.pid), stream.jvm()):
        process.send_signal(sign)


def test_a_stream_that_is_frozen_in_a_micro_batch_and_comes_back_changes_nothing(stage, tmp_path):
    """Another one takes over and stores the rest; the frozen one ends its step and stands by when fenced."""
    wsid = "000014:00014"
    lines = list(hours(wsid, days=200))
    stage.publish(wsid, lines)
    stage.start()
    stage.wait_for("batch")
    stop_or_continue(stage, signal.SIGSTOP)
    other = Stage(stage.settings, Home(tmp_path / "other"), sent=dict(stage.sent))
    try:
        other.start()
        other.wait_until_stored()
        stored = {table: other.rows(table) for table in TABLES}
        stop_or_continue(stage, signal.SIGCONT)
        fenced = stage.wait_for("standby", fenced=True)

        assert "no longer its owner" in fenced["text"]
        assert stage.end() == 0
        assert {table: other.rows(table) for table in TABLES} == stored
        assert_aggregates_equal_pandas(other, lines, tmp_path)
    finally:
        other.kill()
        other.close()


class Held(ByDriver):
    """Has read what a day is computed from and is held before it writes."""

    def __init__(self, session, write_time):
        super().__init__(session, write_time)
        self.has_read, self.may_write = threading.Event(), threading.Event()

    def _write(self, tables, keys):
        self.has_read.set()
        assert self.may_write.wait(120)
        return super()._write(tables, keys)


def test_an_owner_whose_clock_was_an_hour_ahead_cannot_undo_what_its_successor_stores(stage, tmp_path):
    """It has read a day of six hours, and writes it when its successor has stored all 24."""
    wsid = "000015:00015"
    lines = [f"{wsid},2015,01,01,{hour:02},{hour}.0,,,,,,," for hour in range(24)]
    machine_us = [now_us() + 3_600_000_000]
    old = Progress(stage.session, stage.settings, WriteClock(lambda: machine_us[0]))
    old.take_ownership()
    for hour in range(6):
        stage.session.execute(
            "INSERT INTO raw_weather_data (wsid, year, month, day, hour, temperature)"
            f" VALUES ('{wsid}', 2015, 1, 1, {hour}, {hour}.0) USING TIMESTAMP 1"
        )
    held = Held(stage.session, old.write_time)
    day = Day(wsid, 2015, 1, 1)
    late = threading.Thread(target=held.days, args=([day],))
    late.start()
    assert held.has_read.wait(30)

    stage.publish(wsid, lines)
    stage.start()
    stage.wait_until_stored()
    position = Progress(stage.session, stage.settings).read()
    held.may_write.set()
    late.join(60)
    held.merge([day[:3]])
    assert_aggregates_equal_pandas(stage, lines, tmp_path)

    machine_us[0] += 2 * AHEAD_US
    with pytest.raises(Fenced):
        held.days([day])
    with pytest.raises(Fenced):
        old.advance(dict.fromkeys(position, 10_000))
    assert Progress(stage.session, stage.settings).read() == position
    assert_aggregates_equal_pandas(stage, lines, tmp_path)
