"""Waiting in place for a service that is away."""

import errno
import threading

import pytest
from cassandra import AuthenticationFailed, InvalidRequest, OperationTimedOut
from cassandra.cluster import NoHostAvailable
from cassandra.pool import NoConnectionsAvailable
from cassandra.protocol import ServerError

from killrweather.errors import Fenced, Unavailable
from killrweather.jobs import patience
from killrweather.jobs.patience import Patience, Stopped, service_away, summary

JVM_TEXT = """An error occurred while calling o735.save.
: org.apache.spark.SparkException: Job aborted due to stage failure
\tat org.apache.spark.scheduler.DAGScheduler.failJobAndIndependentStages(DAGScheduler.scala:2898)
Caused by: java.io.IOException: Failed to write statements to kw.raw_weather_data. The latest exception was
  {cause}
\tat com.datastax.spark.connector.writer.AsyncStatementWriter.close(AsyncStatementWriter.scala:136)
"""


@pytest.fixture(autouse=True)
def no_delay(monkeypatch):
    monkeypatch.setattr(patience, "_FIRST_DELAY_S", 0.0)
    monkeypatch.setattr(patience, "_LONGEST_DELAY_S", 0.0)


@pytest.mark.parametrize(
    ("cause", "service"),
    [
        ("com.datastax.oss.driver.api.core.AllNodesFailedException: All 1 node(s) tried", "cassandra"),
        ("com.datastax.oss.driver.api.core.DriverTimeoutException: Query timed out after PT5S", "cassandra"),
        ("com.datastax.oss.driver.api.core.servererrors.WriteTimeoutException: 0 acknowledged", "cassandra"),
        ("java.lang.IllegalStateException: Control channel not available, aborting schema refresh", "cassandra"),
        ("org.apache.kafka.common.errors.TimeoutException: Topic raw not present in metadata", "kafka"),
        ("java.util.concurrent.TimeoutException: Cannot fetch record for offset 7 in 10000 milliseconds", "kafka"),
        ("com.datastax.oss.driver.api.core.servererrors.InvalidQueryException: unconfigured table", None),
        ("com.datastax.oss.driver.api.core.auth.AuthenticationException, AllNodesFailedException", None),
        ("java.lang.ArithmeticException: / by zero", None),
    ],
)
def test_an_error_of_the_jvm_tells_which_service_is_away(cause, service):
    """Time-outs and lost connections pass, wrong statements and passwords do not."""
    assert service_away(RuntimeError(JVM_TEXT.format(cause=cause))) == service


@pytest.mark.parametrize(
    ("error", "service"),
    [
        (NoHostAvailable("Unable to complete the operation against any hosts", {}), "cassandra"),
        (
            NoHostAvailable("Unable to complete the operation", {"c1": ServerError(0, "java.lang.Error", {})}),
            "cassandra",
        ),
        (NoConnectionsAvailable("pool of c1 is shut down"), "cassandra"),
        (OperationTimedOut(), "cassandra"),
        (NoHostAvailable("", {"c1": OSError(None, "Tried connecting to c1. Last error: timed out")}), "cassandra"),
        (NoHostAvailable("", {"c1": OSError(errno.EHOSTUNREACH, "No route to host")}), "cassandra"),
        (ConnectionResetError(errno.ECONNRESET, "Connection reset by peer"), "cassandra"),
        (NoHostAvailable("Unable to connect to any servers", {"c1:9042": AuthenticationFailed("wrong")}), None),
        (InvalidRequest("unconfigured table"), None),
    ],
)
def test_an_error_of_pythons_driver_tells_whether_cassandra_is_away(error, service):
    """Where a statement is prepared it comes as the driver raises it."""
    assert service_away(error) == service


@pytest.mark.parametrize(
    "error",
    [
        FileNotFoundError(errno.ENOENT, "No such file or directory", "spark/checkpoint/offsets/0"),
        OSError(errno.ENOSPC, "No space left on device"),
        NoHostAvailable("", {"c1": OSError(errno.EMFILE, "Too many open files")}),
    ],
)
def test_an_error_of_this_machine_is_no_service_that_is_away(error):
    """Python has one class for a network that is gone, a file and a full disk."""
    assert service_away(error) is None


class Lost(RuntimeError):
    """An error of a JVM that has ended."""

    def __str__(self):
        raise ConnectionRefusedError


def test_an_error_whose_text_ended_with_its_jvm_is_told_too():
    """No service is away, and the text says where to look."""
    assert service_away(Lost()) is None
    assert summary(Lost()).startswith("Lost: Spark's JVM ended")


def test_a_step_is_tried_until_its_service_is_back():
    """Two failures are told, the third try's result is returned."""
    told = []
    errors = [Unavailable("Cassandra does not answer"), Unavailable("Kafka at x does not answer")]

    def step():
        if errors:
            raise errors.pop(0)
        return "done"

    result = Patience(threading.Event(), lambda *what: told.append(what)).attempt(step)

    assert result == "done"
    assert told == [("cassandra", "Cassandra does not answer"), ("kafka", "Kafka at x does not answer")]


def test_an_error_that_waiting_does_not_mend_is_raised_at_once():
    """A fenced stream has to end."""
    told = []

    def step():
        raise Fenced("generation 3 is no longer the owner")

    with pytest.raises(Fenced):
        Patience(threading.Event(), lambda *what: told.append(what)).attempt(step)

    assert told == []


def test_a_step_with_time_outs_of_its_own_is_not_watched_for_hanging():
    """Four brokers that swallow packets make it longer than a step may be without a Spark job, and no hang."""
    patient = Patience(threading.Event(), lambda *what: None)

    assert patient.attempt(lambda: patient.trying_since) is not None
    assert patient.attempt(lambda: patient.trying_since, has_time_outs=True) is None


def test_a_stop_ends_the_wait():
    """A stream that is told to stop does not wait for Cassandra's return."""
    stopping = threading.Event()
    stopping.set()

    def step():
        raise Unavailable("Cassandra does not answer")

    with pytest.raises(Stopped, match="cassandra was away"):
        Patience(stopping, lambda *what: None).attempt(step)


def test_the_summary_of_a_jvm_s_error_is_its_last_cause():
    """People read one line, not a stack."""
    assert summary(RuntimeError(JVM_TEXT.format(cause="x"))).startswith(
        "java.io.IOException: Failed to write statements"
    )
