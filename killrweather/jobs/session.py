"""The Spark session of a job: one function that knows every setting and why it has its value."""

from collections.abc import Sequence
from pathlib import Path

from pyspark import SparkConf, SparkContext
from pyspark.sql import SparkSession

from killrweather.jobs.jvm import class_path
from killrweather.jobs.tls import connector_options, for_executors
from killrweather.processes import LOOPBACK
from killrweather.settings import Settings

_PORTS_EACH = 20

QUERY_ENDS_S = 20
"""s after which a query that was told to stop is taken for one that never will."""


def spark_options(settings: Settings, jars: Sequence[Path], scratch: Path) -> dict[str, str]:
    """The options of a session that reads Kafka and writes Cassandra."""
    options = {
        "spark.ui.enabled": "false",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.extensions": "com.datastax.spark.connector.CassandraSparkExtensions",
        "spark.local.dir": str(scratch),
        "spark.sql.warehouse.dir": str(scratch / "warehouse"),
        "spark.sql.shuffle.partitions": str(settings.spark.shuffle_partitions),
        # A micro-batch is small and of a known shape: re-planning between its stages costs more than it finds.
        "spark.sql.adaptive.enabled": "false",
        # Looking for equal exchanges makes Spark canonicalize the connector's direct join, which it cannot
        # ("Couldn't find none#0"); no plan here has two equal ones.
        "spark.sql.exchange.reuse": "false",
        # The plans of all kinds of micro-batches are some 130 generated classes. The default of 100 has each of them
        # generated, compiled and warmed up anew in every batch.
        "spark.sql.codegen.cache.maxEntries": "1000",
        # The result tables are written at the same time and share the cores evenly.
        "spark.scheduler.mode": "FAIR",
        # What finished is kept for a page that nobody opens: by default the plans of 1,000 executions, with every key
        # that a micro-batch touched.
        "spark.sql.ui.retainedExecutions": "20",
        "spark.ui.retainedJobs": "50",
        "spark.ui.retainedStages": "50",
        "spark.ui.retainedTasks": "200",
        # The checkpoint is local and disposable: its files need neither checksums nor a shell that sets permissions.
        "spark.sql.streaming.checkpointFileManagerClass": (
            "org.apache.spark.sql.execution.streaming.FileSystemBasedCheckpointFileManager"
        ),
        "spark.hadoop.fs.file.impl": "org.apache.hadoop.fs.RawLocalFileSystem",
        # How often the stream looks for new offsets while there are none; by default 10 ms.
        "spark.sql.streaming.pollingDelay": "25",
        # Kafka's admin client may keep a query from ending for five minutes after its broker died.
        "spark.sql.streaming.stopTimeout": f"{QUERY_ENDS_S}s",
        "spark.log.callerContext": "stream",
        # What no log, plan or page may show; by default "jaas", in which Kafka has its password, is not among them.
        "spark.redaction.regex": "(?i)secret|password|token|jaas|keystore",
        **cassandra_options(settings),
    }
    if address := driver_address(settings):
        options |= {"spark.driver.host": address, "spark.driver.bindAddress": address}
    stores = connector_options(settings.cassandra.tls, scratch)
    if not settings.spark.is_local:
        options |= cluster_options(settings)
        stores = for_executors(stores)
        # Executors fetch the jars from the driver; a local driver has them on its own class path, which is faster.
        options["spark.jars"] = ",".join(str(jar) for jar in class_path(jars) if jar in set(jars))
    return options | stores


def driver_address(settings: Settings) -> str | None:
    """Where the driver listens to executors; None leaves it to Spark, which takes the address of the host's name."""
    return LOOPBACK if settings.spark.is_local else settings.spark.driver_host or None


def cluster_options(settings: Settings) -> dict[str, str]:
    """What an application takes of a standalone cluster, and how the workers reach its driver."""
    spark = settings.spark
    options = {
        "spark.executor.memory": spark.executor_memory,
        "spark.executor.cores": str(spark.executor_cores),
        # Without a limit the first application takes every core, and a recompute beside the stream waits for ever.
        "spark.cores.max": str(spark.max_cores),
        "spark.executor.extraJavaOptions": "-XX:+UseSerialGC -XX:+ExitOnOutOfMemoryError -Duser.timezone=UTC",
    }
    if spark.driver_port:
        # Each of them takes the next port when it is taken; a recompute beside the stream has two of its own.
        options["spark.driver.port"] = str(spark.driver_port)
        options["spark.driver.blockManager.port"] = str(spark.driver_port + _PORTS_EACH)
        options["spark.port.maxRetries"] = str(_PORTS_EACH - 1)
    return options


def cassandra_options(settings: Settings) -> dict[str, str]:
    """How the connector reaches Cassandra, reads and writes."""
    cassandra = settings.cassandra
    options = {
        "spark.cassandra.connection.host": ",".join(settings.cassandra_hosts),
        "spark.cassandra.connection.port": str(cassandra.port),
        "spark.cassandra.connection.localDC": cassandra.local_dc,
        "spark.cassandra.connection.timeoutMS": str(round(cassandra.request_timeout_s * 1000)),
        "spark.cassandra.read.timeoutMS": str(round(cassandra.request_timeout_s * 1000)),
        # The connector closes a session that was idle for this long, by default 5 s; a new one costs 0.4 s.
        "spark.cassandra.connection.keepAliveMS": "86400000",
        "spark.cassandra.connection.reconnectionDelayMS.min": "250",
        "spark.cassandra.connection.reconnectionDelayMS.max": "1000",
        "spark.cassandra.query.retry.count": "3",
        "spark.cassandra.input.consistency.level": "LOCAL_QUORUM",
        "spark.cassandra.output.consistency.level": "LOCAL_QUORUM",
        "spark.cassandra.output.ignoreNulls": "true",
        "spark.cassandra.output.batch.size.bytes": "65536",
        "spark.cassandra.output.concurrent.writes": "16",
        "spark.cassandra.concurrent.reads": "64",
        "spark.cassandra.input.fetch.sizeInRows": "5000",
    }
    if cassandra.username is not None:
        options["spark.cassandra.auth.username"] = cassandra.username
        options["spark.cassandra.auth.password"] = cassandra.password.get_secret_value() if cassandra.password else ""
    return options


def open_session(settings: Settings, options: dict[str, str], name: str) -> SparkSession:
    """Open a session in the JVM that this process has attached to (``Jvm.attach``)."""
    conf = SparkConf().setMaster(settings.spark.master).setAppName(name).setAll(list(options.items()))
    return SparkSession(SparkContext(conf=conf))
