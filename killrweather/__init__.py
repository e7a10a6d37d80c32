"""KillrWeather: weather observations through Kafka, Spark and Cassandra, answered by supervised actors."""

__version__ = "0.1.0"
