"""One node on three brokers and three Cassandra nodes; whatever dies of them comes back.

Every fault happens in the middle of a real load, and every table is compared with pandas afterwards.
"""

import threading
import time
from collections import Counter
from functools import partial

import pytest
from clusters import CassandraCluster, KafkaCluster
from exact_tables import assert_exact
from node_on_clusters import NodeOnClusters

from killrweather.actorsystem.testkit import eventually
from killrweather.jobs.positions import log_spans
from killrweather.storage import session as driver

pytestmark = [pytest.mark.timeout(900), pytest.mark.usefixtures("whole")]


@pytest.fixture(scope="module")
def kafka(tmp_path_factory):
    """Three brokers."""
    with KafkaCluster(tmp_path_factory.mktemp("kafka")) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def cassandra(tmp_path_factory):
    """Three nodes in one data centre."""
    with CassandraCluster(tmp_path_factory.mktemp("cassandra")) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def system(kafka, cassandra, tmp_path_factory):
    """One node with all roles on these clusters."""
    system = NodeOnClusters.configure(tmp_path_factory.mktemp("node"), **kafka.settings, **cassandra.settings)
    system.up()
    yield system
    system.down()


class Questions:
    """Asks for a year of a station again and again; the answers are kept."""

    def __init__(self, system, wsid):
        self._path = f"/weather/stations/{wsid}/temperature/annual"
        self._system = system
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._ask)
        self.codes = Counter()
        self.slowest_s = 0.0

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._is_over.set()
        self._thread.join()

    def _ask(self):
        while not self._is_over.wait(0.05):
            begin = time.monotonic()
            self.codes[self._system.get(self._path).status_code] += 1
            self.slowest_s = max(self.slowest_s, time.monotonic() - begin)


@pytest.fixture
def questions(system, loaded):
    return Questions(system, loaded["wsid"].iloc[0])


def finding(system, name):
    """What ``doctor`` says of one thing."""
    return next(one for one in system.json("doctor", check=False) if one["name"] == name)


def test_every_record_and_every_row_has_three_copies(system, kafka, cassandra, settings, tables, loaded):
    """Two must have it before it is acknowledged; what was loaded is exact."""
    raw = kafka.copies(settings.kafka.topic.raw)
    session = driver.connect(settings)
    try:
        [keyspace] = session.execute(
            "SELECT replication FROM system_schema.keyspaces WHERE keyspace_name = %s", (settings.cassandra.keyspace,)
        )
    finally:
        driver.close(session)

    assert {len(copies) for copies in raw.values()} == {3}
    assert keyspace.replication == {"class": "org.apache.cassandra.locator.NetworkTopologyStrategy", "dc1": "3"}
    assert_exact(tables, loaded)


def test_status_counts_every_hop(system, settings):
    """The log's end is known, whichever broker was the last to hear of the topic."""

    def flow():
        status = system.get("/status").json()
        assert len(status["stream"]["log_end"]) == settings.kafka.topic.partitions
        counters = status["node"]["counters"]
        assert counters["lag"] == 0, counters
        ends = counters["stored"] + counters["repeated"] + counters["rejected_by_stream"]
        assert counters["accepted"] == counters["in_kafka"] == ends, counters
        return True

    eventually(flow, 10)


def test_a_broker_killed_in_the_middle_of_a_load_costs_no_row(system, kafka, settings, load, questions):
    """Loads go on without it and while it comes back, a client that names it first connects, no question fails."""
    with questions:
        load(810_001, partial(kafka.kill, 1))

        assert settings.kafka_servers[0] == kafka.node(1).address
        assert log_spans(settings).keys() == {0, 1}
        said = finding(system, "kafka")
        assert said["ok"]
        assert f"port {kafka.node(1).port} (kafka.bootstrap_servers): Connection refused" in said["text"]

        load(810_002, partial(kafka.start, 1))
    kafka.wait_until_in_sync()

    assert set(questions.codes) == {200}, questions.codes


def test_a_cassandra_node_killed_in_the_middle_of_a_load_costs_no_row(system, cassandra, tables, load, questions):
    """No question fails; once it is back another one may die, and what was written in between is there."""
    with questions:
        first = load(820_001, partial(cassandra.kill, 1))
        assert "Connection refused" in finding(system, "cassandra")["text"]

        cassandra.start(1)
        load(820_002, partial(cassandra.kill, 2))
        assert_exact(tables, first)
        cassandra.start(2)

    assert set(questions.codes) == {200}, questions.codes


def test_a_cassandra_node_that_hangs_is_not_waited_for(cassandra, questions, tables, loaded):
    """Its share of the questions goes to another node after a moment; none fails."""
    with questions:
        cassandra.freeze(3)
        try:
            time.sleep(8)
        finally:
            cassandra.thaw(3)

    assert set(questions.codes) == {200}, questions.codes
    assert_exact(tables, loaded)


@pytest.mark.long
def test_all_brokers_and_all_cassandra_nodes_away_at_once_cost_no_row(system, kafka, cassandra, load, loaded):
    """503 with Retry-After meanwhile, for rows and for questions; then the load goes on by itself."""
    row = "899999:99999,2012,03,01,00,1.0,0.5,1000.0,10,1.0,1,1.0,\n"  # a refused row may be stored all the same
    refused = []

    def lose_everything():
        for cluster in (cassandra, kafka):
            for node in cluster.nodes:
                node.kill()
        refused.append(system.post(row.encode()))
        refused.append(system.get(f"/weather/stations/{loaded['wsid'].iloc[0]}/current"))
        kafka.start()
        cassandra.start()

    load(830_001, lose_everything)

    assert [answer.status_code for answer in refused] == [503, 503], [answer.text for answer in refused]
    assert all(int(answer.headers["Retry-After"]) >= 1 for answer in refused)
