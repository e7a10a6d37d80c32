"""Waiting in place for a service that is away: which errors mean that, and the loop that tries again."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeVar

from py4j.protocol import Py4JError

from killrweather.errors import KillrWeatherError, Unavailable
from killrweather.storage.session import away
from killrweather.waking_clock import WakingClock

T = TypeVar("T")
Service = Literal["cassandra", "kafka"]

_FIRST_DELAY_S, _LONGEST_DELAY_S = 0.25, 2.0

# Exceptions of the JVM by their class names, as a failed Spark job shows them: first those of the connector's driver.
_CASSANDRA = (
    "AllNodesFailedException",
    "NoNodeAvailableException",
    "DriverTimeoutException",
    "ClosedConnectionException",
    "HeartbeatException",
    "servererrors.UnavailableException",
    "servererrors.WriteTimeoutException",
    "servererrors.ReadTimeoutException",
    "servererrors.WriteFailureException",
    "servererrors.ReadFailureException",
    "servererrors.OverloadedException",
    "servererrors.BootstrappingException",
    "servererrors.ServerError",
    "Failed to open native connection to Cassandra",
    "Control channel not available",  # the node went away while the schema was read
)
_KAFKA = (
    "Cannot fetch record for offset",  # Spark's own time-out, of no class of Kafka's
    "org.apache.kafka.common.errors.TimeoutException",
    "org.apache.kafka.common.errors.DisconnectException",
    "org.apache.kafka.common.errors.NetworkException",
    "org.apache.kafka.common.errors.RetriableException",
    "org.apache.kafka.common.errors.NotLeaderOrFollowerException",
    "org.apache.kafka.common.errors.LeaderNotAvailableException",
    "org.apache.kafka.common.errors.UnknownTopicOrPartitionException",
    "org.apache.kafka.common.errors.NotEnoughReplicas",
    "org.apache.kafka.common.errors.CoordinatorNotAvailableException",
)
_NEVER = (
    "auth.AuthenticationException",
    "TopicAuthorizationException",
    "SaslAuthenticationException",
    "SslAuthenticationException",
    "SSLHandshakeException",
)


class Stopped(KillrWeatherError):
    """The wait was ended because the stream is to stop."""


def service_away(error: BaseException) -> Service | None:
    """The service that an error says is away for now; None for an error that another try would not mend."""
    text = _text(error)
    if isinstance(error, Unavailable):
        return "kafka" if text.startswith("Kafka") else "cassandra"
    if isinstance(error, KillrWeatherError) or any(name in text for name in _NEVER):
        return None
    if away(error) or any(name in text for name in _CASSANDRA):
        return "cassandra"
    return "kafka" if any(name in text for name in _KAFKA) else None


def summary(error: BaseException) -> str:
    """The telling line of an error: a JVM's has its stack in its text, with the cause at the end."""
    lines = [line.strip() for line in _text(error).splitlines() if line.strip()]
    causes = [line.removeprefix("Caused by: ") for line in lines if line.startswith("Caused by: ")]
    text = causes[-1] if causes else (lines[0] if lines else type(error).__name__)
    return text[:500]


def _text(error: BaseException) -> str:
    """What an error says; one of the JVM has its text there, and none when the JVM is gone."""
    try:
        return str(error)
    except (Py4JError, OSError):
        return f"{type(error).__name__}: Spark's JVM ended, and its reason with it; see the end of its log"


@dataclass(slots=True)
class HangDetector:
    """Knows a step that will never end: Cassandra's Java driver may wait for ever for a schema that it was reading
    when its connection broke. Such a step runs no Spark job; a healthy one does, or is soon done.
    """

    awake: WakingClock
    _step: float | None = None
    _last_sign: float = 0.0

    def hangs(self, trying_since: float | None, has_jobs: bool, limit_s: float) -> bool:
        """Whether the step that began then has been seen for ``limit_s`` without a job; look about once a second."""
        now = self.awake()
        if trying_since is None or has_jobs or trying_since != self._step:
            self._step, self._last_sign = trying_since, now
        return now - self._last_sign > limit_s


@dataclass(slots=True)
class Patience:
    """Tries steps until they succeed; ``waiting`` hears of every try that failed because a service is away."""

    stopping: threading.Event
    waiting: Callable[[Service, str], None]
    trying_since: float | None = None
    """``time.monotonic()`` of the beginning of the try that is under way, and may hang."""

    def attempt(self, step: Callable[[], T], has_time_outs: bool = False) -> T:
        """The result of a step, however long its service is away; raises other errors, and ``Stopped`` on a stop.

        A step that ``has_time_outs`` of its own ends by itself, be it after a minute: it is not taken for hanging.
        """
        delay_s = _FIRST_DELAY_S
        while True:
            self.trying_since = None if has_time_outs else time.monotonic()
            try:
                return step()
            except Exception as error:
                self.trying_since = None
                self.pause(error, delay_s)
            finally:
                self.trying_since = None
            delay_s = min(2 * delay_s, _LONGEST_DELAY_S)

    def pause(self, error: Exception, delay_s: float = _LONGEST_DELAY_S) -> None:
        """Wait before another try if a service is away; raises the error itself if not, and ``Stopped`` on a stop."""
        service = service_away(error)
        if service is None:
            raise error
        self.waiting(service, summary(error))
        if self.stopping.wait(delay_s):
            raise Stopped(f"stopped while {service} was away") from error
