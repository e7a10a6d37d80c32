"""Two data centres: each with its own topic, its own Cassandra node and its own stream, cut off from each other.

The first test has real streams: two topics with two consumer groups on one broker stand for two Kafkas. The others
have what such a process does with Cassandra, and leave out Kafka and Spark: a cut must not wait for their time-outs.
"""

from contextlib import ExitStack

import pytest
from cassandra import ConsistencyLevel
from cassandra.query import SimpleStatement
from clusters import CassandraCluster, KafkaCluster
from exact_tables import Tables, assert_exact
from pandas_truth import AGGREGATES, rows_of
from stream_stage import JARS, Stage

from killrweather.actorsystem.testkit import eventually
from killrweather.errors import Unavailable
from killrweather.home import Home
from killrweather.jobs.by_driver import ByDriver
from killrweather.jobs.reconcile import reconciling
from killrweather.model.day import Day
from killrweather.settings import Settings
from killrweather.storage import schema
from killrweather.storage import session as driver
from killrweather.storage.journal import Journal
from killrweather.storage.progress import Position, Progress

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]

PATIENCE_S = 240.0
TABLES = ("raw_weather_data", *AGGREGATES)
SHARED, EAST_ONLY, WEST_ONLY, BOTH = (f"00000{number}:00021" for number in range(1, 5))


def settings_of(cassandra, number, keyspace, kafka=None):
    """What the nodes of one data centre are configured with; see docs/two-data-centres.md."""
    node = cassandra.node(number)
    name = node.data_center
    return Settings.model_validate(
        {
            "kafka": {
                "bootstrap_servers": kafka.bootstrap_servers if kafka else (),
                "topic": {"raw": f"{name}.raw", "rejected": f"{name}.rejected"},
                "group_id": f"{name}.stream",
            },
            "cassandra": {
                "contact_points": [node.host],
                "port": cassandra.port,
                "local_dc": name,
                "keyspace": keyspace,
                "replication": cassandra.replication,
                "request_timeout_s": 30,
            },
            "services": {"jars": JARS},
        }
    )


@pytest.fixture(scope="module")
def cassandra(tmp_path_factory):
    """A node in each of two data centres."""
    with CassandraCluster(tmp_path_factory.mktemp("cassandra"), {"east": 1, "west": 1}) as cluster:
        yield cluster


@pytest.fixture
def kafka(tmp_path):
    """One broker for both sides' topics."""
    with KafkaCluster(tmp_path / "kafka", n=1) as cluster:
        yield cluster


@pytest.fixture
def streams(cassandra, kafka, tmp_path):
    """The stream of each data centre."""
    made = [
        Stage(settings_of(cassandra, number, "streams", kafka), Home(tmp_path / name))
        for number, name in ((1, "east"), (2, "west"))
    ]
    for stage in made:
        stage.start()
    for stage in made:
        stage.wait_for("started", PATIENCE_S)
    yield made
    for stage in made:
        stage.kill()
        stage.close()


def hours(wsid, day, first, last, offset=0.0):
    """Lines of some hours of a day in January; each side's hours have other values."""
    return [f"{wsid},2019,01,{day:02},{h:02},{h - 5 + offset:.1f},,,,,,{h / 10:.1f}," for h in range(first, last)]


def answered(ask, *arguments):
    """What Cassandra answers; an assertion fails while a node that comes back does not, or is not found again."""
    try:
        return ask(*arguments)
    except Unavailable as error:
        raise AssertionError(str(error)) from error


def assert_all_are_exact(all_settings, lines, tmp_path):
    """What each data centre's own node has is what pandas works out from all lines, months and years included."""
    path = tmp_path / "lines.csv"
    path.write_text("\n".join(lines) + "\n")
    rows = rows_of(path)

    def are_exact():
        for settings in all_settings:
            answered(assert_exact, Tables(settings), rows)
        return True

    eventually(are_exact, PATIENCE_S)


def test_a_day_that_is_fed_on_both_sides_is_whole_on_both(streams, tmp_path):
    """Each stream knows its own Kafka alone."""
    east, west = streams
    fed = hours(SHARED, 1, 0, 6), hours(SHARED, 1, 6, 12, offset=2.5)
    for stage, lines in zip(streams, fed, strict=True):
        stage.publish(SHARED, lines)
    for stage in streams:
        stage.wait_until_stored(PATIENCE_S)

    assert_all_are_exact([east.settings, west.settings], fed[0] + fed[1], tmp_path)
    assert {event["stream"] for event in east.events if event["event"] == "reconciled"} == {"west.stream/west.raw"}


class Side:
    """A data centre's stream as Cassandra sees it: its micro-batches, and beside them the other's journal."""

    def __init__(self, settings):
        self.settings, self.lines, self.told = settings, [], []
        self.session = eventually(lambda: answered(driver.connect, settings), PATIENCE_S)
        eventually(lambda: not answered(schema.apply, self.session, settings), PATIENCE_S)
        self.session.set_keyspace(settings.cassandra.keyspace)
        self.progress = Progress(self.session, settings)
        self.progress.take_ownership()
        self.position = Position(self.progress.write_time(), 0)
        self.progress.place({0: self.position})
        self.journal = Journal(self.session, settings)
        self.by_driver = ByDriver(self.session, self.progress.write_time)

    def tell(self, event, **fields):
        """Hear what the stream tells of the other's journal."""
        self.told.append((event, fields))

    def fail(self, error):
        """Hear why it no longer follows the other's journal."""
        self.told.append(("failed", error))

    def take(self, lines):
        """The steps of a micro-batch."""
        for line in lines:
            wsid, *time, temperature, _, _, _, _, _, rain, _ = line.split(",")
            key = ", ".join(str(int(number)) for number in time)
            offset = len(self.lines)
            self.session.execute(
                "INSERT INTO raw_weather_data (wsid, year, month, day, hour, temperature, one_hour_precip)"
                f" VALUES ('{wsid}', {key}, {temperature}, {rain}) USING TIMESTAMP {self.position.epoch_us + offset}"
            )
            self.lines.append(line)
        days = {Day(line[:12], *(int(number) for number in line.split(",")[1:4])) for line in lines}
        self.by_driver.days(days)
        self.by_driver.merge(day[:3] for day in days)
        number = self.progress.next_journal
        self.journal.write(number, sorted(days))
        self.progress.advance({0: len(self.lines)}, number)

    def is_cut_off(self):
        """Whether the side's Cassandra knows that the other's does not answer."""
        level = ConsistencyLevel.EACH_QUORUM
        statement = SimpleStatement("SELECT wsid FROM raw_weather_year WHERE wsid = 'x'", consistency_level=level)
        try:
            driver.run(self.session, statement)
        except Unavailable as error:
            return "Cannot achieve consistency level" in str(error)
        return False

    def is_apart(self):
        """Whether the stream has told that it cannot reach the other data centre."""
        return "apart" in [event for event, _ in self.told]

    def tables(self):
        """Every row of every table, as this side's node has them."""
        return {table: self._rows(table) for table in TABLES}

    def hours(self, wsid):
        """How many hours this side knows of each day of a station."""
        return {row.day: row.hours for row in self._rows("raw_weather_day") if row.wsid == wsid}

    def close(self):
        """End the session."""
        driver.close(self.session)

    def _rows(self, table):
        return sorted(answered(driver.run, self.session, f"SELECT * FROM {table}"), key=str)


@pytest.fixture
def sides(cassandra):
    """Both data centres in one keyspace, each following the other's journal."""
    with ExitStack() as until_end:
        made = []
        for number in (1, 2):
            side = Side(settings_of(cassandra, number, "sides"))
            until_end.callback(side.close)
            until_end.enter_context(reconciling(side.session, side.progress, side.settings, side, side.fail))
            made.append(side)
        yield made


def assert_equal_and_exact(sides, lines, tmp_path):
    """Both nodes hold the same rows in every table, and the aggregates of these lines are what pandas makes of them."""
    east, west = sides

    def are_equal():
        assert east.tables() == west.tables()
        return True

    eventually(are_equal, PATIENCE_S)
    assert_all_are_exact([east.settings, west.settings], lines, tmp_path)
    are_equal()
    assert not [told for side in sides for told in side.told if told[0] == "failed"]


def test_sides_that_were_cut_off_go_on_and_are_equal_afterwards(sides, cassandra, tmp_path):
    """A station's days are fed on both sides, each of which computes them from its own hours until the cut heals.

    One side's Cassandra is frozen while the other works, and then the other's: neither sees what the other does.
    Hours that both state differently are the same on both afterwards. Then one side's Cassandra is killed.
    """
    east, west = sides
    east.take(hours(SHARED, 1, 0, 6))
    west.take(hours(SHARED, 1, 6, 12, offset=2.5))
    assert_equal_and_exact(sides, east.lines + west.lines, tmp_path)

    cassandra.freeze(2)
    eventually(east.is_cut_off, PATIENCE_S)
    eventually(east.is_apart, PATIENCE_S)
    east.take(hours(SHARED, 1, 12, 18) + hours(SHARED, 2, 0, 12) + hours(EAST_ONLY, 2, 0, 24) + hours(BOTH, 3, 0, 24))
    assert east.hours(SHARED) == {1: 18, 2: 12}

    cassandra.freeze(1)
    cassandra.thaw(2)
    eventually(west.is_cut_off, PATIENCE_S)
    west.take(hours(SHARED, 1, 18, 24, offset=-3.0) + hours(SHARED, 2, 12, 24, offset=4.0))
    west.take(hours(WEST_ONLY, 2, 0, 24) + hours(BOTH, 3, 0, 24, offset=1.0))
    assert west.hours(SHARED) == {1: 18, 2: 12}

    cassandra.thaw(1)
    stated_once = [line for line in east.lines + west.lines if not line.startswith(BOTH)]
    assert_equal_and_exact(sides, stated_once, tmp_path)

    cassandra.kill(2)
    east.take(hours(SHARED, 5, 0, 12))
    assert east.hours(SHARED)[5] == 12

    cassandra.start(2)
    eventually(lambda: west.hours(SHARED), PATIENCE_S)
    west.take(hours(SHARED, 5, 12, 24, offset=-7.0))
    stated_once = [line for line in east.lines + west.lines if not line.startswith(BOTH)]
    assert_equal_and_exact(sides, stated_once, tmp_path)
