"""How Spark reads and writes the tables of Cassandra."""

from pyspark.sql import DataFrame, SparkSession

from killrweather.settings import Settings

_SCATTERED = {
    "spark.cassandra.output.batch.grouping.key": "replica_set",
    "spark.cassandra.output.batch.size.rows": "10",  # Cassandra warns of a batch of more partitions
}
_FORMAT = "org.apache.spark.sql.cassandra"


def table(spark: SparkSession, settings: Settings, name: str, reads_at: str | None = None) -> DataFrame:
    """A table; joined with keys on its right side only the rows of these keys are read.

    Reads are at the session's consistency level, or at ``reads_at``.
    """
    options = {"directJoinSetting": "on"} | ({"spark.cassandra.input.consistency.level": reads_at} if reads_at else {})
    return spark.read.format(_FORMAT).options(**_of(settings, name), **options).load()


def append(
    rows: DataFrame, settings: Settings, name: str, write_time: int | str, ttl_s: int = 0, scattered: bool = False
) -> None:
    """Write rows with a write time in µs: one for all, or the column of that name for each.

    Rows of one partition are written together. For ``scattered`` rows, each of another partition, that would be a
    request for each; there some rows of any partitions are written together.
    """
    options = {"writetime": str(write_time)} | ({"ttl": str(ttl_s)} if ttl_s else {})
    if scattered:
        options |= _SCATTERED
    rows.write.format(_FORMAT).options(**_of(settings, name), **options).mode("append").save()


def _of(settings: Settings, name: str) -> dict[str, str]:
    return {"keyspace": settings.cassandra.keyspace, "table": name}
