"""The batch layer and the replay of the speed layer, beside a stream that runs, with real services and a real Spark."""

import asyncio
import json
import subprocess
import sys
import threading
from dataclasses import replace
from datetime import date, datetime, timedelta, timezone
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from pandas_truth import AGGREGATES
from stream_stage import Stage, fresh
from weather_files import as_csv, real_year, under_other_ids

from killrweather.errors import BadRequest
from killrweather.home import Home
from killrweather.jobs.by_driver import ByDriver
from killrweather.jobs.by_spark import BySpark
from killrweather.jobs.events import ReplayOrder, dump
from killrweather.jobs.jvm import Jvm
from killrweather.jobs.session import open_session, spark_options
from killrweather.messages.layers import Replay
from killrweather.model.day import Day
from killrweather.services.jars import ensure
from killrweather.services.java import find_java
from killrweather.storage.progress import Progress
from killrweather.streams.connection import client_options
from killrweather.streams.offsets import replay_begin, spans_of

TABLES = ("raw_weather_data", *AGGREGATES)


@pytest.fixture(scope="module")
def year():
    """A year of real hours of two stations."""
    return under_other_ids(real_year(), 800_000)


@pytest.fixture(scope="module")
def loaded(services, year, tmp_path_factory):
    """A stream that has stored the year, in small batches."""
    stage = Stage(fresh(services.settings, max_rows_per_batch=2_000), Home(tmp_path_factory.mktemp("stream")))
    for wsid, rows in year.groupby("wsid"):
        stage.publish(wsid, as_csv(rows).splitlines())
    stage.start()
    stage.wait_until_stored()
    yield stage
    assert stage.end() == 0
    stage.close()


@pytest.fixture
def stage(services, tmp_path):
    """A topic, a group and a keyspace of a test's own."""
    made = Stage(fresh(services.settings, max_rows_per_batch=500), Home(tmp_path))
    yield made
    if made.process:
        made.kill()
    made.close()


def rows_of(stage, but=()):
    """Every row of every table, without those of some stations."""
    return {table: [row for row in stage.rows(table) if row["wsid"] not in but] for table in TABLES}


def with_ttl(settings, raw_s):
    """The same settings where raw rows live for so long."""
    ttl = settings.cassandra.ttl.model_copy(update={"raw_s": raw_s})
    return settings.model_copy(update={"cassandra": settings.cassandra.model_copy(update={"ttl": ttl})})


def replay(stage, begin):
    """Order a replay as the actor does; what the stream tells when it is set back."""
    stage.events.clear()
    order = ReplayOrder(uuid4().hex, begin)
    stage.say(order.dump())
    started = stage.wait_for("started")
    assert started["replay"] == order.id
    return started


class Recompute:
    """The process of a recompute, and what it tells."""

    def __init__(self, stage, *arguments, settings=None):
        with stage.home.log("recompute").open("ab") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "killrweather.jobs.recompute", "--home", str(stage.home.path), *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
        self.process.stdin.write(f"{dump(settings or stage.settings)}\n")
        self.process.stdin.flush()

    def events(self):
        """What it tells until it ends, without its signs of life."""
        return [event for line in self.process.stdout if (event := json.loads(line))["event"] != "alive"]

    def result(self):
        """The counts of its last chunk, once it has ended well."""
        *_, chunk, done = self.events()
        assert self.process.wait(timeout=30) == 0
        assert done == {"event": "done"}
        return chunk


def test_a_full_replay_changes_no_row_and_shows_how_far_it_is(loaded):
    """Progress goes back to the beginning and comes again, while reads go on and a new day arrives behind it."""
    before = rows_of(loaded)
    wsid = "800001:00001"
    ends = dict(loaded.sent)

    started = replay(loaded, dict.fromkeys(ends, 0))
    assert started["next_offsets"] == {str(partition): 0 for partition in ends}
    assert started["replay_until"] == {str(partition): end for partition, end in ends.items()}
    loaded.publish(wsid, [f"{wsid},2016,05,01,{hour:02},{hour}.0,,,,,,," for hour in range(24)])
    assert rows_of(loaded, but={wsid}) == before
    loaded.wait_until_stored()

    stored = [event["next_offsets"] for event in loaded.events if event["event"] == "batch"]
    assert len(stored) > 5
    assert sum(batch["rows"] for batch in loaded.events if batch["event"] == "batch") == sum(loaded.sent.values())
    assert rows_of(loaded, but={wsid}) == before
    [day] = [row for row in loaded.rows("daily_aggregate_temperature") if row["wsid"] == wsid]
    assert (day["mean"], day["count"]) == (11.5, 24)


def test_a_replay_from_an_offset_of_one_partition_leaves_the_others_where_they_are(loaded):
    """Only what was asked for is read again."""
    before = rows_of(loaded)
    partition, end = max(loaded.sent.items(), key=lambda pair: pair[1])

    started = replay(loaded, {partition: end - 700})
    loaded.wait_until_stored()

    assert started["replay_until"] == {str(partition): end}
    assert sum(batch["rows"] for batch in loaded.events if batch["event"] == "batch") == 700
    assert rows_of(loaded) == before


def test_a_replay_sets_nothing_forward(loaded):
    """An offset that the stream has not come to yet is no reason to leave out what lies before it."""
    before = dict(loaded.sent)

    started = replay(loaded, {partition: end + 1_000 for partition, end in before.items()})

    assert started["next_offsets"] == {str(partition): end for partition, end in before.items()}
    assert started["replay_until"] == {}


def test_a_replay_killed_in_the_middle_goes_on_where_it_was(stage, year):
    """The set-back progress is the progress: nothing is left out and no row is another."""
    wsid, rows = next(iter(year.groupby("wsid")))
    stage.publish(wsid, as_csv(rows[:4_000]).splitlines())
    stage.start()
    stage.wait_until_stored()
    before = rows_of(stage)
    [(partition, end)] = stage.sent.items()

    replay(stage, {partition: 0})
    stage.wait_for("batch")
    stage.kill()
    stage.start()
    started = stage.wait_for("started")
    stage.wait_until_stored()

    assert 0 < started["next_offsets"][str(partition)] < end
    assert started["replay_until"] == {str(partition): end}
    assert rows_of(stage) == before


def test_an_expired_offset_is_refused_with_what_the_log_has_and_one_that_expires_later_costs_nothing(stage):
    """Kafka has deleted the first records: they were stored before, so a replay that comes too late passes them."""
    wsid, topic = "800002:00001", stage.settings.kafka.topic.raw
    stage.publish(wsid, [f"{wsid},2016,05,{1 + i // 24:02},{i % 24:02},{i / 100},,,,,,," for i in range(480)])
    stage.start()
    stage.wait_until_stored()
    before = rows_of(stage)
    [(partition, _)] = stage.sent.items()
    spans = asyncio.run(delete_before(stage.settings, partition, 300))

    expected = f"topic {topic}: offset 10 of partition {partition} has expired, its log has offsets 300 to 479"
    with pytest.raises(BadRequest) as refused:
        replay_begin(Replay(10, partition=partition), topic, spans, {})
    assert str(refused.value) == expected
    with pytest.raises(BadRequest) as refused:
        replay_begin(Replay(481, partition=partition), topic, spans, {})
    assert str(refused.value) == expected.replace("offset 10", "offset 481").replace(
        "has expired", "lies beyond the end"
    )

    assert replay(stage, {partition: 10})["next_offsets"][str(partition)] == 300
    stage.wait_until_stored()
    stage.kill()
    set_back_by_hand(stage, partition, 10, until=480)
    stage.start()
    assert stage.wait_for("started")["next_offsets"][str(partition)] == 300
    stage.wait_until_stored()
    assert rows_of(stage) == before


def set_back_by_hand(stage, partition, offset, until):
    """Progress as a replay that was killed leaves it."""
    progress = Progress(stage.session, stage.settings)
    progress.take_ownership()
    progress.place({partition: replace(progress.read()[partition], next_offset=offset, replay_until=until)})


async def delete_before(settings, partition, offset):
    """Have Kafka delete the records before an offset; what the log has then."""
    place = TopicPartition(settings.kafka.topic.raw, partition)
    admin, consumer = AIOKafkaAdminClient(**client_options(settings)), AIOKafkaConsumer(**client_options(settings))
    await admin.start()
    await consumer.start()
    try:
        await admin.delete_records({place: RecordsToDelete(before_offset=offset)})
        return await spans_of(consumer, settings.kafka.topic.raw, range(settings.kafka.topic.partitions))
    finally:
        await admin.close()
        await consumer.stop()


@pytest.mark.long
def test_a_full_recompute_changes_no_row(loaded, year):
    """Every day, month and year is computed again, to the same bits; the counts are those of the raw rows."""
    before = rows_of(loaded)
    pairs = {(row["wsid"], row["year"]) for row in before["raw_weather_year"]}

    result = Recompute(loaded).result()

    assert rows_of(loaded) == before
    assert result["station_years"] == result["years"] == len(pairs)
    assert result["rows"] == len(before["raw_weather_data"])
    keys = {name: AGGREGATES[f"{name}_aggregate_temperature"][0] for name in ("daily", "monthly")}
    for found, name in ((result["days"], "daily"), (result["months"], "monthly")):
        tables = (f"{name}_aggregate_temperature", f"{name}_aggregate_precip")
        assert found == len({tuple(row[key] for key in keys[name]) for table in tables for row in before[table]})


def test_recompute_repairs_what_was_changed_by_hand(loaded):
    """Wrong, emptied and deleted values of days, months and years, of the station that is asked for and no other."""
    before = rows_of(loaded)
    wsid, other = sorted({row["wsid"] for row in before["annual_aggregate_temperature"]})[:2]
    run = loaded.session.execute
    row = before["daily_aggregate_temperature"][0]
    year, (month, day) = row["year"], (row["month"], row["day"])
    for station in (wsid, other):
        run(f"UPDATE year_cumulative_precip SET precipitation = -1 WHERE wsid = '{station}' AND year = {year}")
    where = f"WHERE wsid = '{wsid}' AND year = {year}"
    run(f"UPDATE daily_aggregate_temperature SET mean = 99.5, high = null {where} AND month = {month} AND day = {day}")
    run(f"DELETE FROM daily_aggregate_precip {where} AND month = {month}")
    run(f"DELETE FROM monthly_aggregate_temperature {where}")
    run(f"UPDATE monthly_aggregate_precip SET wet_hours = 0 {where} AND month = {month}")
    run(f"UPDATE annual_aggregate_temperature SET count = 1 {where}")
    run(f"UPDATE raw_weather_day SET hours = 25 {where} AND month = {month} AND day = {day}")
    run(f"DELETE FROM raw_weather_month {where}")
    run(f"UPDATE raw_weather_year SET hours = null {where}")

    result = Recompute(loaded, "--wsid", wsid, "--year", str(year)).result()
    assert result["station_years"] == 1
    changed = [row["wsid"] for table, rows in rows_of(loaded).items() for row in rows if row not in before[table]]
    assert changed == [other]

    Recompute(loaded).result()
    assert rows_of(loaded) == before


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--wsid", "999998:99998"], "station 999998:99998 does not have an observation: nothing to recompute"),
        (["--year", "1955"], "no station has an observation of 1955: nothing to recompute; there is data of"),
    ],
)
def test_a_recompute_of_what_is_not_there_says_so(loaded, arguments, text):
    """One event that names what was asked for, and no failure."""
    recompute = Recompute(loaded, *arguments)
    [event] = recompute.events()

    assert recompute.process.wait(timeout=30) == 0
    assert event["event"] == "nothing"
    assert event["text"].startswith(text)


def test_a_recompute_killed_in_the_middle_can_simply_be_run_again(loaded):
    """kill -9 while Spark is at work, then once more: every row is as it was."""
    before = rows_of(loaded)
    loaded.session.execute("TRUNCATE monthly_aggregate_temperature")
    recompute = Recompute(loaded)
    for line in recompute.process.stdout:
        if json.loads(line)["event"] == "alive":
            break
    recompute.process.kill()
    recompute.process.wait()

    Recompute(loaded).result()

    assert rows_of(loaded) == before


def test_a_day_that_may_have_lost_hours_stays_as_it_is_stored(stage):
    """Raw rows live for ten days: of older days some are gone, and a recompute would make their values worse."""
    today = datetime.now(timezone.utc).date()
    old, young, wsid = today - timedelta(days=10), today - timedelta(days=5), "800003:00001"
    for day in (old, young):
        key = f"'{wsid}', {day.year}, {day.month}, {day.day}"
        run = stage.session.execute
        run(f"INSERT INTO raw_weather_data (wsid, year, month, day, hour, temperature) VALUES ({key}, 23, 5)")
        run(f"INSERT INTO raw_weather_year (wsid, year) VALUES ('{wsid}', {day.year})")
        run(
            "INSERT INTO daily_aggregate_temperature (wsid, year, month, day, high, low, mean, variance, stdev, count)"
            f" VALUES ({key}, 9, 9, 9, 0, 0, 24)"
        )

    Recompute(stage, settings=with_ttl(stage.settings, 10 * 86_400)).result()

    found = {date(r["year"], r["month"], r["day"]): r["mean"] for r in stage.rows("daily_aggregate_temperature")}
    assert found == {old: 9.0, young: 5.0}


class Held(BySpark):
    """A recompute that has read its days and is held before it writes them."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.has_read, self.may_write = threading.Event(), threading.Event()

    def _append(self, rows, to, began_us):
        self.has_read.set()
        assert self.may_write.wait(120)
        super()._append(rows, to, began_us)


@pytest.fixture(scope="module")
def spark(loaded, tmp_path_factory):
    """A Spark of the test's own process."""
    home = Home(tmp_path_factory.mktemp("spark"))
    scratch, settings = home.directory("spark"), loaded.settings
    jars = ensure("spark", home, settings)
    jvm = Jvm(find_java(settings).executable, jars, "1g", scratch, home.log("spark"), "WARN")
    jvm.attach()
    yield open_session(settings, spark_options(settings, jars, scratch), "test")
    jvm.kill()


def test_a_slow_recompute_never_overwrites_what_the_stream_stored_meanwhile(loaded, spark, year):
    """The recompute reads every day, is held, and writes only after the stream has changed the same days."""
    wsid, rows = sorted(year.groupby("wsid"))[0]
    of_year = int(rows["year"].iloc[0])
    corrected = rows[rows["month"].isin([1, 7])].assign(temperature=-40.0, one_hour_precip=7.5)
    held = Held(spark, loaded.settings)

    def rebuild():
        held.years([(wsid, of_year)])
        ByDriver(loaded.session).merge((wsid, of_year, month) for month in range(1, 13))

    recompute = threading.Thread(target=rebuild)
    recompute.start()
    assert held.has_read.wait(120)

    loaded.events.clear()
    loaded.publish(wsid, as_csv(corrected).splitlines())
    loaded.wait_until_stored()
    after_stream = rows_of(loaded)
    held.may_write.set()
    recompute.join(120)

    assert rows_of(loaded) == after_stream
    july = next(r for r in after_stream["monthly_aggregate_temperature"] if (r["wsid"], r["month"]) == (wsid, 7))
    assert (july["high"], july["mean"]) == (-40.0, -40.0)


def test_days_before_the_touched_ones_are_not_recomputed_where_raw_rows_expire(loaded, spark):
    """300 touched days are read back by the year: what lies before them in that year may have lost hours."""
    wsid, run = "800004:00001", loaded.session.execute
    first = date(2015, 3, 1)
    days = [first + timedelta(days=n) for n in range(300)]
    for day in (first - timedelta(days=1), *days):
        key = f"'{wsid}', {day.year}, {day.month}, {day.day}"
        run(f"INSERT INTO raw_weather_data (wsid, year, month, day, hour, temperature) VALUES ({key}, 23, 5)")

    BySpark(spark, with_ttl(loaded.settings, 86_400)).days([Day(wsid, d.year, d.month, d.day) for d in days])

    rows = [row for row in loaded.rows("daily_aggregate_temperature") if row["wsid"] == wsid]
    assert {date(row["year"], row["month"], row["day"]) for row in rows} == set(days)
