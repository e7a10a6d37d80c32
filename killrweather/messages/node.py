"""What a node tells of itself."""

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import field, fields
from datetime import datetime

from killrweather.messages.base import message
from killrweather.messages.cluster import ClusterView
from killrweather.messages.control import ActorState
from killrweather.messages.layers import Replaying


@message
class GetNodeStatus:
    """Ask a guardian how its node is → NodeStatus."""


@message
class Check:
    """One thing a node needs, by name: kafka, cassandra, schema, stream, http."""

    name: str
    ok: bool
    text: str
    """What is so, or what is missing and what to do."""


@message
class Counters:
    """Observations on their way, hop by hop.

    All are worked out from what Kafka and Cassandra keep, so that no restart changes them:
    received = accepted + rejected, and accepted = in_kafka = stored + repeated + rejected_by_stream + lag. While the
    stream is under way stored may be ahead of the others, and repeated behind. None: the actor that works it out has
    not said so since it started, or does not run on this node.
    """

    received: int | None = None
    accepted: int | None = None
    rejected: int | None = None
    in_kafka: int | None = None
    stored: int | None = None
    """Rows of raw_weather_data: hours of a station that were stated at least once."""
    repeated: int | None = None
    """Records that state an hour again, with the same values or corrected ones."""
    rejected_by_stream: int | None = None
    lag: int | None = None
    reasons: Mapping[str, int] = field(default_factory=dict)
    """Rejected rows by who rejected them and the kind of fault, such as ``feed.calendar``."""

    def completed(self, others: "Counters") -> "Counters":
        """These, and what only the others know: each is of the whole cluster, whichever node works it out."""
        found = {name: getattr(others if getattr(self, name) is None else self, name) for name in HOPS}
        return Counters(**found, reasons=self.reasons or others.reasons)


HOPS = tuple(counter.name for counter in fields(Counters) if counter.name != "reasons")
"""The names of the counters, in the order of a row's way."""


def shown(number: int | None) -> str:
    """A counter for people."""
    return "unknown" if number is None else f"{number:,}"


@message
class NodeStatus:
    """A node as its guardian sees it, at most a ping interval old."""

    name: str
    address: str
    state: str
    """Joining until it is initialized, then Up; Leaving during a graceful shutdown."""
    roles: tuple[str, ...]
    version: str
    uptime_s: float
    restarts: int
    """Restarts of the guardian and of all its actors."""
    ready: bool
    checks: tuple[Check, ...]
    counters: Counters
    actors: tuple[ActorState, ...]
    cluster: ClusterView
    """All nodes, as this one sees them."""


@message
class Distribution:
    """Values by their size: how many were at most each bound and above those before it, the last above all."""

    bounds: tuple[float, ...]
    counts: tuple[int, ...]
    total: float
    """The sum of the values."""

    @classmethod
    def of(cls, bounds: tuple[float, ...]) -> "Distribution":
        """No value yet; the bounds ascend."""
        return cls(bounds, (0,) * (len(bounds) + 1), 0.0)

    def plus(self, value: float) -> "Distribution":
        """This, with one more value."""
        place = bisect_left(self.bounds, value)
        counts = (*self.counts[:place], self.counts[place] + 1, *self.counts[place + 1 :])
        return Distribution(self.bounds, counts, self.total + value)


@message
class Batches:
    """What the micro-batches of a node were like since its streaming actor started."""

    last: datetime | None = None
    """When the newest one was done; None before the first."""
    rows: Distribution = Distribution.of((1, 10, 100, 1_000, 10_000, 50_000, 100_000, 200_000, 500_000))
    seconds: Distribution = Distribution.of((0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0))
    step_seconds: Mapping[str, float] = field(default_factory=dict)
    """The sum over all of them for each step."""

    def plus(self, rows: int, seconds: Mapping[str, float], now: datetime) -> "Batches":
        """These and one more, which took so many seconds for each of its steps."""
        steps = dict(self.step_seconds)
        for step, taken in seconds.items():
            steps[step] = steps.get(step, 0.0) + taken
        return Batches(now, self.rows.plus(rows), self.seconds.plus(sum(seconds.values())), steps)


@message
class GetStreamProgress:
    """Ask how far the stream is → StreamProgress."""


@message
class StreamProgress:
    """Every record before ``stored[partition]`` can be queried; the next record gets the offset ``log_end``."""

    stored: dict[int, int]
    log_end: dict[int, int]
    rejected: int
    state: str
    """starting, standby, running, waiting or stopped."""
    text: str
    replay: Replaying | None = None
    """The last replay that was ordered since the streaming actor started."""
    newest: datetime | None = None
    """The newest hour that any station has ever stated; an hour still to come counts as when it was stored."""
    batches: Batches = Batches()

    @property
    def lag(self) -> int | None:
        """Records that are in Kafka and not yet stored; None until both ends are known: it is not the whole log."""
        if not self.stored or not self.log_end:
            return None
        return max(0, sum(end - self.stored.get(partition, 0) for partition, end in self.log_end.items()))


@message
class Readiness:
    """Whether the node answers questions and takes data, with each check by name."""

    ready: bool
    checks: tuple[Check, ...]


@message
class Status:
    """The node, and how far the stream is; the stream is None where that can't be had, ``problem`` says why."""

    node: NodeStatus
    stream: StreamProgress | None
    problem: str | None = None
