"""Every exception that this package raises on purpose.

    KillrWeatherError
    ├── ConfigurationError      a key, a value, or what they name is wrong       exit 2
    ├── BadRequest              an argument of a request is wrong                422
    ├── StationNotFound         no table knows the station                       404
    ├── NoData                  a client was told that there is no such data     404, exit 3
    ├── FormatError             a whole input cannot be read (rows are rejected) 422
    ├── Forbidden               asked for something outside what is allowed      403
    ├── Conflict                what is under way excludes what is asked for     409
    ├── ServiceError            an embedded service can't be had or started      exit 1
    ├── Unavailable             Kafka, Cassandra or the stream is away           503, worth trying again
    │   └── SchemaMissing       Cassandra is there and our tables are not
    ├── Refused                 Kafka, Cassandra or a node is there and does not let us in  exit 1
    │   └── NodeRefused         the cluster does not let this node in            exit 1
    ├── StreamFailed            the Spark stream ended; its actor is restarted
    ├── Fenced                  another stream owns the progress now              exit 1
    ├── RecordsLost             the log no longer has what the stream has not read  exit 1
    ├── TopicChanged            the raw topic has grown; the stream starts anew from its progress
    └── Escalated               a supervisor passes a child's failure upwards

The text of each says what was wrong, which value, what was expected and what to do: it is shown to people as it is.
"""


class KillrWeatherError(Exception):
    """The root: its text is meant for people."""


class ConfigurationError(KillrWeatherError):
    """A configuration key is unknown, a value is not allowed, or what it names is not there."""


class BadRequest(KillrWeatherError):
    """An argument of a request is not allowed; ``argument`` names it."""

    def __init__(self, message: str, argument: str | None = None):
        super().__init__(message)
        self.argument = argument


class StationNotFound(KillrWeatherError):
    """No observation and no station table has this station."""

    kind = "station-not-found"

    @classmethod
    def of(cls, wsid: str) -> "StationNotFound":
        """The error for this station."""
        return cls(f"station {wsid}: not known; load its data or a station table (killrweather stations load FILE)")


class NoData(KillrWeatherError):
    """The station is known and has no such data; between actors this is the answer NoDataAvailable."""


class FormatError(KillrWeatherError):
    """An input as a whole cannot be read, for example a truncated .gz or an unknown format."""


class Forbidden(KillrWeatherError):
    """A request asks for what the configuration does not allow, for example a file outside the feed directories."""


class Conflict(KillrWeatherError):
    """A request asks for what cannot go along with something that is under way, for example a second recompute."""

    kind = "conflict"


class ServiceError(KillrWeatherError):
    """An embedded service, its Java or its jars can't be had, started or stopped."""


class Unavailable(KillrWeatherError):
    """Something the request needs is away for now; the same request may succeed ``retry_after_s`` later."""

    def __init__(self, message: str, retry_after_s: float = 1.0):
        super().__init__(message)
        self.retry_after_s = retry_after_s


class SchemaMissing(Unavailable):
    """Cassandra answers, but a keyspace or table is not there yet."""


class Refused(KillrWeatherError):
    """Kafka, Cassandra or a node wants another password, token, certificate or protocol: trying again mends nothing.

    Raised from nothing: its text has the cause, and a chain of exceptions might show more than it should.
    """


class NodeRefused(Refused):
    """The cluster does not let this node in: its name, its version, a setting or its clock does not fit."""


class StreamFailed(KillrWeatherError):
    """The Spark stream's process ended by itself, or has to; the text says why."""


class Fenced(KillrWeatherError):
    """A stream was replaced by a newer one: it may write no more progress and has to end."""


class RecordsLost(KillrWeatherError):
    """Kafka deleted records before the stream had read them."""


class TopicChanged(KillrWeatherError):
    """The raw topic is no longer what the stream started with, for example it has more partitions."""


class Escalated(KillrWeatherError):
    """A supervisor could not decide on a child's failure, or was told to pass it upwards."""
