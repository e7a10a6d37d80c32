"""The options of a Spark session, which differ by where the work is done."""

from pathlib import Path

from killrweather.jobs.session import spark_options
from killrweather.settings import Settings

JARS = [Path("/jars/spark-cassandra-connector_2.12-3.5.1.jar")]


def options(**spark):
    return spark_options(Settings.model_validate({"spark": spark}), JARS, Path("/scratch"))


def test_a_local_driver_listens_on_loopback_and_has_its_jars_already():
    """Nothing is shipped, and nobody else can reach it."""
    found = options(master="local[2]")

    assert found["spark.driver.host"] == found["spark.driver.bindAddress"] == "127.0.0.1"
    assert "spark.jars" not in found
    assert "spark.cores.max" not in found


def test_a_cluster_gets_the_jars_and_keeps_cores_for_others():
    """The application takes no more than its share, and is reached at the address that the settings name."""
    found = options(
        master="spark://m:7077", max_cores=3, executor_cores=1, executor_memory="2g", driver_host="10.0.0.7"
    )

    assert found["spark.jars"] == str(JARS[0])
    assert (found["spark.cores.max"], found["spark.executor.cores"], found["spark.executor.memory"]) == ("3", "1", "2g")
    assert found["spark.driver.host"] == found["spark.driver.bindAddress"] == "10.0.0.7"
    assert "spark.driver.port" not in found


def test_without_an_address_spark_takes_that_of_the_hosts_name():
    """Loopback would be of no use to executors on other machines."""
    assert "spark.driver.host" not in options(master="spark://m:7077")


def test_ports_for_a_firewall_do_not_overlap():
    """The driver tries 20 ports from the first one, its block manager 20 after them."""
    found = options(master="spark://m:7077", driver_port=40_000)

    assert (found["spark.driver.port"], found["spark.driver.blockManager.port"]) == ("40000", "40020")
    assert found["spark.port.maxRetries"] == "19"
