"""What Prometheus scrapes: the node's own report as metrics, made anew for each scrape.

A number that is not known is absent, never 0: an alert on it then waits, and a graph has a gap.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timezone
from itertools import accumulate
from typing import Literal, get_args

from fastapi import APIRouter, Response
from fastapi.responses import PlainTextResponse
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from killrweather.errors import Unavailable
from killrweather.messages.control import State
from killrweather.messages.node import Distribution, GetNodeStatus, GetStreamProgress, NodeStatus, StreamProgress
from killrweather.web.answers import Ask, may_answer
from killrweather.web.latency import UNKNOWN, Latencies
from killrweather.web.negotiation import NegotiatedRoute

NODE_STATES = ("Joining", "Up", "Leaving")
ACTOR_STATES = get_args(State)
STREAM_STATES = ("starting", "running", "waiting", "stopped")

Samples = Iterable[tuple[tuple[str, ...], float | Distribution | None]]
"""Values by the values of their labels; None is left out, and a histogram's values are distributions."""


@dataclass(frozen=True)
class Metric:
    """One name of the exposition, what it means, and how its samples come from a report."""

    name: str
    kind: Literal["gauge", "counter", "histogram"]
    text: str
    samples: "Callable[[Report], Samples]"
    labels: tuple[str, ...] = ()

    @property
    def series(self) -> dict[str, tuple[str, ...]]:
        """The names that a query may use, each with its labels."""
        if self.kind != "histogram":
            return {self.name: self.labels}
        return {
            f"{self.name}_bucket": (*self.labels, "le"),
            f"{self.name}_sum": self.labels,
            f"{self.name}_count": self.labels,
        }


@dataclass(frozen=True)
class Report:
    """What a node tells of itself; the stream is None where no stream answers."""

    node: NodeStatus
    stream: StreamProgress | None
    latencies: Latencies = field(default_factory=Latencies)
    now: datetime = field(default_factory=lambda: datetime.now(timezone.utc))

    def exposition(self) -> bytes:
        """The report in Prometheus's text format."""
        registry = CollectorRegistry()
        registry.register(_Reported(self))
        return generate_latest(registry)


def router(ask: Ask, latencies: Latencies) -> APIRouter:
    """``/metrics``."""
    routes = APIRouter(tags=["operations"], route_class=NegotiatedRoute)

    @routes.get("/metrics", response_class=PlainTextResponse, responses=may_answer(503))
    async def metrics() -> Response:
        """The node's state, actors, counters, answers and stream for Prometheus, in its text format."""
        node, stream = await asyncio.gather(ask(GetNodeStatus()), _stream(ask))
        return Response(Report(node, stream, latencies).exposition(), media_type=CONTENT_TYPE_PLAIN_0_0_4)

    return routes


_STREAM_PATIENCE_S = 3.0
"""Prometheus itself gives up a scrape after 10 s: a streaming actor that hangs must not hide all the others."""


async def _stream(ask: Ask) -> StreamProgress | None:
    try:
        progress: StreamProgress = await asyncio.wait_for(ask(GetStreamProgress()), _STREAM_PATIENCE_S)
    except (Unavailable, asyncio.TimeoutError):
        return None
    return progress


class _Reported(Collector):
    def __init__(self, report: Report):
        self._report = report

    def collect(self) -> Iterator[Family]:
        for metric in METRICS:
            family = _FAMILIES[metric.kind](metric.name, metric.text, labels=metric.labels)
            for values, found in metric.samples(self._report):
                if isinstance(found, Distribution):
                    family.add_metric(values, buckets=_buckets(found), sum_value=found.total)
                elif found is not None:
                    family.add_metric(values, found)
            if family.samples:
                yield family


_FAMILIES: dict[str, type] = {
    "gauge": GaugeMetricFamily,
    "counter": CounterMetricFamily,
    "histogram": HistogramMetricFamily,
}


def _buckets(values: Distribution) -> list[tuple[str, float]]:
    """As Prometheus has them: how many values are at most so much."""
    bounds = [floatToGoString(bound) for bound in (*values.bounds, float("inf"))]
    return list(zip(bounds, accumulate(values.counts), strict=True))


def _one(number: float | None) -> Samples:
    return [((), number)]


def _is(state: str, states: Iterable[str]) -> Samples:
    return [((one,), one == state) for one in states]


def _age(report: Report, moment: datetime | None) -> Samples:
    """Seconds since then; of what one stream alone knows, told by the node where it is."""
    is_here = report.stream is not None and report.stream.state in ("running", "waiting")
    return _one((report.now - moment).total_seconds() if moment and is_here else None)


def _replay_left(stream: StreamProgress) -> int:
    return stream.replay.remaining(stream.stored) if stream.replay else 0


METRICS = (
    Metric(
        "killrweather_node_info",
        "gauge",
        "1, with the node's name, version and roles.",
        lambda r: [((r.node.name, r.node.version, ",".join(r.node.roles)), 1)],
        ("node", "version", "roles"),
    ),
    Metric(
        "killrweather_node_state",
        "gauge",
        f"1 for the state that the node is in, 0 for the others: {', '.join(NODE_STATES)}.",
        lambda r: _is(r.node.state, NODE_STATES),
        ("state",),
    ),
    Metric(
        "killrweather_node_ready",
        "gauge",
        "1 when /ready answers 200, else 0.",
        lambda r: _one(r.node.ready),
    ),
    Metric(
        "killrweather_node_uptime_seconds",
        "gauge",
        "Seconds since the guardian started.",
        lambda r: _one(r.node.uptime_s),
    ),
    Metric(
        "killrweather_node_restarts_total",
        "counter",
        "Restarts of the guardian and of all its actors.",
        lambda r: _one(r.node.restarts),
    ),
    Metric(
        "killrweather_ready_check",
        "gauge",
        "1 for a check of /ready that holds, 0 for one that fails.",
        lambda r: [((check.name,), check.ok) for check in r.node.checks],
        ("check",),
    ),
    Metric(
        "killrweather_actor_state",
        "gauge",
        f"1 for the state that the actor is in, 0 for the others: {', '.join(ACTOR_STATES)}."
        " A stopped one has reached its restart limit, or the node is leaving.",
        lambda r: [((a.name, state), state == a.state) for a in r.node.actors for state in ACTOR_STATES],
        ("actor", "state"),
    ),
    Metric(
        "killrweather_actor_restarts_total",
        "counter",
        "Restarts of the actor, in place or as a new process.",
        lambda r: [((a.name,), a.restarts) for a in r.node.actors],
        ("actor",),
    ),
    Metric(
        "killrweather_actor_mailbox_messages",
        "gauge",
        "Messages that have arrived at the actor and are not finished; of a running one only.",
        lambda r: [((a.name,), a.mailbox) for a in r.node.actors if a.state == "running"],
        ("actor",),
    ),
    Metric(
        "killrweather_actor_last_error",
        "gauge",
        "1 when the actor has failed or died since the guardian started; status has the text.",
        lambda r: [((a.name,), a.last_error is not None) for a in r.node.actors],
        ("actor",),
    ),
    Metric(
        "killrweather_rows_received_total",
        "counter",
        "Rows that came: accepted and rejected ones.",
        lambda r: _one(r.node.counters.received),
    ),
    Metric(
        "killrweather_rows_accepted_total",
        "counter",
        "Rows that Kafka has acknowledged.",
        lambda r: _one(r.node.counters.accepted),
    ),
    Metric(
        "killrweather_rows_rejected_total",
        "counter",
        "Rows that the feed has rejected.",
        lambda r: _one(r.node.counters.rejected),
    ),
    Metric(
        "killrweather_records_rejected_by_stream_total",
        "counter",
        "Records of the raw topic that the stream cannot read.",
        lambda r: _one(r.node.counters.rejected_by_stream),
    ),
    Metric(
        "killrweather_rejects_total",
        "counter",
        "Rejected rows and records by who rejected them, feed or stream, and by kind of fault.",
        lambda r: [(tuple(name.split(".", 1)), number) for name, number in r.node.counters.reasons.items()],
        ("origin", "code"),
    ),
    Metric(
        "killrweather_kafka_records_total",
        "counter",
        "Records that the raw topic has ever had.",
        lambda r: _one(r.node.counters.in_kafka),
    ),
    Metric(
        "killrweather_stored_rows",
        "gauge",
        "Rows of raw_weather_data.",
        lambda r: _one(r.node.counters.stored),
    ),
    Metric(
        "killrweather_repeated_records",
        "gauge",
        "Records that state an hour again; while the stream is under way it may be behind for a moment.",
        lambda r: _one(r.node.counters.repeated),
    ),
    Metric(
        "killrweather_stream_lag_records",
        "gauge",
        "Records that are in Kafka and not yet stored.",
        lambda r: _one(r.node.counters.lag),
    ),
    Metric(
        "killrweather_stream_state",
        "gauge",
        f"1 for the state that the stream is in, 0 for the others: {', '.join(STREAM_STATES)}.",
        lambda r: _is(r.stream.state, STREAM_STATES) if r.stream else (),
        ("state",),
    ),
    Metric(
        "killrweather_stream_stored_offset",
        "gauge",
        "Every record of the partition before this offset can be queried; a replay sets it back.",
        lambda r: [((str(n),), offset) for n, offset in r.stream.stored.items()] if r.stream else (),
        ("partition",),
    ),
    Metric(
        "killrweather_stream_log_end_offset",
        "gauge",
        "The offset that the next record of the partition gets.",
        lambda r: [((str(n),), offset) for n, offset in r.stream.log_end.items()] if r.stream else (),
        ("partition",),
    ),
    Metric(
        "killrweather_stream_replay_records",
        "gauge",
        "Records that the replay which is under way has still to read; 0 without one.",
        lambda r: _one(_replay_left(r.stream)) if r.stream else (),
    ),
    Metric(
        "killrweather_stream_batch_duration_seconds",
        "histogram",
        "Seconds that a micro-batch took, since the streaming actor started.",
        lambda r: [((), r.stream.batches.seconds)] if r.stream else (),
    ),
    Metric(
        "killrweather_stream_batch_rows",
        "histogram",
        "Records of a micro-batch, since the streaming actor started.",
        lambda r: [((), r.stream.batches.rows)] if r.stream else (),
    ),
    Metric(
        "killrweather_stream_batch_step_seconds_total",
        "counter",
        "Seconds that all micro-batches took for the step: raw, rejected, days, months, journal or progress.",
        lambda r: [((step,), taken) for step, taken in r.stream.batches.step_seconds.items()] if r.stream else (),
        ("step",),
    ),
    Metric(
        "killrweather_stream_last_batch_age_seconds",
        "gauge",
        "Seconds since the stream's newest micro-batch was done; of the node that streams.",
        lambda r: _age(r, r.stream.batches.last) if r.stream else (),
    ),
    Metric(
        "killrweather_newest_observation_age_seconds",
        "gauge",
        "Seconds since the newest hour that any station has ever stated, an hour still to come counting as when it was"
        " stored; of the node that streams.",
        lambda r: _age(r, r.stream.newest) if r.stream else (),
    ),
    Metric(
        "killrweather_http_request_duration_seconds",
        "histogram",
        "Seconds from the head of a request to the head of its answer, by the template of the path, "
        f"{UNKNOWN} for a path that there is not, and by the class of the status, 2xx to 5xx; since the door opened.",
        lambda r: r.latencies.items(),
        ("method", "route", "status"),
    ),
)
"""All that /metrics can have, in its order; ``docs/metrics.md`` is written from it."""
