"""One node whose jobs run on a standalone Spark cluster; whatever dies of it comes back, in the middle of a load."""

import json
from functools import partial

import pytest
from clusters import CassandraCluster, KafkaCluster, SparkCluster
from exact_tables import assert_exact
from node_on_clusters import PATIENCE_S, NodeOnClusters

from killrweather.actorsystem.testkit import eventually

pytestmark = [pytest.mark.long, pytest.mark.timeout(900), pytest.mark.usefixtures("whole")]


@pytest.fixture(scope="module")
def spark(tmp_path_factory):
    """A master and two workers, each with room for the stream and for a recompute."""
    with SparkCluster(tmp_path_factory.mktemp("spark"), workers=2, cores=2, memory="2g") as cluster:
        yield cluster


@pytest.fixture(scope="module")
def system(spark, tmp_path_factory):
    """One node with all roles, on one broker and one Cassandra node."""
    jobs = {"master": spark.master, "executor_memory": "512m", "driver_host": "127.0.0.1"}
    with (
        KafkaCluster(tmp_path_factory.mktemp("kafka"), n=1) as kafka,
        CassandraCluster(tmp_path_factory.mktemp("cassandra"), {"dc1": 1}) as cassandra,
    ):
        home = tmp_path_factory.mktemp("node")
        system = NodeOnClusters.configure(home, **kafka.settings, **cassandra.settings, spark=jobs)
        system.up()
        yield system
        system.down()


def test_a_spark_worker_killed_in_the_middle_of_a_load_costs_no_row(system, spark, load):
    """Its tasks are done by the other one, in the same stream."""
    restarts = system.actor("kafka-streaming")["restarts"]
    load(840_001, partial(spark.kill_worker, 1))
    spark.start_worker(1)

    assert system.actor("kafka-streaming")["restarts"] == restarts


def test_a_recompute_runs_beside_the_stream_on_the_same_workers(system, spark, tables, loaded):
    """It leaves every row as it was, and gives the workers back."""
    command = system.begin("recompute", "--json")
    eventually(lambda: len(spark.state()["activeapps"]) == 2 or command.poll() is not None, PATIENCE_S)
    output, errors = command.communicate(timeout=PATIENCE_S)

    assert command.returncode == 0, errors
    assert json.loads(output)["days"] > 365
    assert_exact(tables, loaded)
    eventually(lambda: [app["name"] for app in spark.state()["activeapps"]] == ["killrweather stream"], 60)


def test_a_spark_master_that_is_lost_is_found_again(spark, load):
    """A stream whose executors are gone for good ends, and a new one begins on the new master."""

    def lose_the_master():
        spark.kill_master()
        spark.start()

    load(850_001, lose_the_master)
