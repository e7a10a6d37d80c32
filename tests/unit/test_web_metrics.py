"""What Prometheus gets to see: every name, and nothing that is not known."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest
from prometheus_client.parser import text_string_to_metric_families
from web_stage import Browser, Node, problem_of, settings, status

from killrweather.errors import Unavailable
from killrweather.messages.control import ActorState
from killrweather.messages.layers import Replaying
from killrweather.messages.node import Batches, Counters, GetNodeStatus, GetStreamProgress, StreamProgress
from killrweather.web import metrics

STOPPED = ActorState(
    "kafka-streaming", "a.K", "stopped", None, 11, "more than 10 restarts in 60 s, the last because: x", 7, {}, {}
)
RUNNING = ActorState("temperature", "a.T", "running", 4711, 0, None, 2, {"cassandra": ""}, {})
KNOWN = Counters(
    received=110,
    accepted=100,
    rejected=10,
    in_kafka=100,
    stored=60,
    repeated=25,
    rejected_by_stream=5,
    lag=10,
    reasons={"feed.calendar": 9, "feed.range.high": 1, "stream.columns": 5},
)


def progress():
    """Of a stream whose newest observation is now three hours old, its last micro-batch five minutes."""
    now = datetime.now(timezone.utc)
    return StreamProgress(
        {0: 40, 1: 50},
        {0: 50, 1: 50},
        5,
        "waiting",
        "",
        Replaying("id", {0: 0, 1: 0}, {0: 45, 1: 50}, has_begun=True),
        now - timedelta(hours=3),
        Batches()
        .plus(1_000, {"raw": 0.5, "days": 0.25}, now - timedelta(hours=1))
        .plus(20, {"raw": 0.03}, now - timedelta(minutes=5)),
    )


@pytest.fixture
def node():
    node = Node()
    node.answers[GetNodeStatus] = replace(status(ready=False), restarts=11, counters=KNOWN, actors=(STOPPED, RUNNING))
    node.answers[GetStreamProgress] = progress()
    return node


def scrape(browser):
    """Every sample of a scrape as Prometheus's own parser reads it: (name, labels) → value."""
    response = browser.get("/metrics")
    assert response.status_code == 200, response.text
    assert response.headers["content-type"].startswith("text/plain; version=0.0.4")
    families = list(text_string_to_metric_families(response.text))
    assert all(family.documentation and family.type in ("gauge", "counter", "histogram") for family in families)
    return {(s.name, *s.labels.values()): s.value for family in families for s in family.samples}


def test_every_metric_has_its_value(browser):
    """Nothing is lost or mixed up on the way from the report to the text."""
    browser.get("/nowhere")
    seen = scrape(browser)

    assert {name for name, *_ in seen} == {name for metric in metrics.METRICS for name in metric.series}
    expected = {
        ("killrweather_node_info", "n1", "feed", "1"): 1,
        ("killrweather_node_ready",): 0,
        ("killrweather_node_state", "Joining"): 1,
        ("killrweather_node_state", "Up"): 0,
        ("killrweather_node_uptime_seconds",): 3_725,
        ("killrweather_node_restarts_total",): 11,
        ("killrweather_ready_check", "kafka"): 1,
        ("killrweather_ready_check", "stream"): 0,
        ("killrweather_actor_state", "kafka-streaming", "stopped"): 1,
        ("killrweather_actor_state", "kafka-streaming", "running"): 0,
        ("killrweather_actor_state", "temperature", "running"): 1,
        ("killrweather_actor_restarts_total", "kafka-streaming"): 11,
        ("killrweather_actor_last_error", "kafka-streaming"): 1,
        ("killrweather_actor_last_error", "temperature"): 0,
        ("killrweather_actor_mailbox_messages", "temperature"): 2,
        ("killrweather_rows_received_total",): 110,
        ("killrweather_rows_accepted_total",): 100,
        ("killrweather_rows_rejected_total",): 10,
        ("killrweather_records_rejected_by_stream_total",): 5,
        ("killrweather_rejects_total", "calendar", "feed"): 9,
        ("killrweather_rejects_total", "range.high", "feed"): 1,
        ("killrweather_rejects_total", "columns", "stream"): 5,
        ("killrweather_kafka_records_total",): 100,
        ("killrweather_stored_rows",): 60,
        ("killrweather_repeated_records",): 25,
        ("killrweather_stream_lag_records",): 10,
        ("killrweather_stream_state", "waiting"): 1,
        ("killrweather_stream_state", "running"): 0,
        ("killrweather_stream_stored_offset", "0"): 40,
        ("killrweather_stream_log_end_offset", "0"): 50,
        ("killrweather_stream_replay_records",): 5,
        ("killrweather_stream_batch_duration_seconds_bucket", "0.05"): 1,
        ("killrweather_stream_batch_duration_seconds_bucket", "1.0"): 2,
        ("killrweather_stream_batch_duration_seconds_bucket", "+Inf"): 2,
        ("killrweather_stream_batch_duration_seconds_count",): 2,
        ("killrweather_stream_batch_duration_seconds_sum",): 0.78,
        ("killrweather_stream_batch_rows_bucket", "100.0"): 1,
        ("killrweather_stream_batch_rows_sum",): 1_020,
        ("killrweather_stream_batch_step_seconds_total", "raw"): 0.53,
        ("killrweather_stream_batch_step_seconds_total", "days"): 0.25,
        ("killrweather_http_request_duration_seconds_count", "GET", "unknown", "4xx"): 1,
        ("killrweather_http_request_duration_seconds_bucket", "GET", "unknown", "4xx", "30.0"): 1,
    }
    for key, value in expected.items():
        assert _found(seen, key) == value, key


def test_ages_are_those_of_the_moment_of_the_scrape(browser):
    """They grow while nothing comes, so that an alert can wait for it."""
    seen = scrape(browser)

    assert 3 * 3_600 <= _found(seen, ("killrweather_newest_observation_age_seconds",)) < 3 * 3_600 + 600
    assert 300 <= _found(seen, ("killrweather_stream_last_batch_age_seconds",)) < 900


@pytest.mark.parametrize("state", ["standby", "starting", "stopped"])
def test_a_node_that_does_not_stream_knows_no_ages(node, browser, state):
    """Its last micro-batch may be days ago, while another node's is of this second."""
    node.answers[GetStreamProgress] = replace(progress(), state=state)

    assert not [name for name, *_ in scrape(browser) if "_age_" in name]


def _found(seen, key):
    """The sample with this name and these label values, in whatever order the text has its labels."""
    name, *labels = key
    [value] = [value for found, value in seen.items() if found[0] == name and sorted(found[1:]) == sorted(labels)]
    return value


def test_what_is_not_known_is_absent(node, browser):
    """A 0 would be a claim: no counter, no mailbox of an actor that is away, nothing of a stream that is silent."""
    node.answers[GetNodeStatus] = replace(status(ready=False), counters=Counters(stored=0), actors=(STOPPED,))
    node.answers[GetStreamProgress] = Unavailable("no actor of this node answers")
    names = {name for name, *_ in scrape(browser)}

    assert {name for name in names if "rows" in name or "records" in name or "rejects" in name} == {
        "killrweather_stored_rows"
    }
    assert "killrweather_actor_mailbox_messages" not in names
    assert not [name for name in names if name.startswith("killrweather_stream")]


def test_a_stream_that_hangs_does_not_hide_the_rest(node, monkeypatch):
    """Prometheus gives a scrape up after 10 s; the node's own report is there before."""
    monkeypatch.setattr(metrics, "_STREAM_PATIENCE_S", 0.05)

    class Hanging(Node):
        async def ask(self, message):
            if isinstance(message, GetStreamProgress):
                await asyncio.Event().wait()
            return await super().ask(message)

    names = {name for name, *_ in scrape(Browser(Hanging(), settings()))}

    assert "killrweather_node_ready" in names
    assert "killrweather_stream_state" not in names


def test_without_a_guardian_there_are_no_metrics(node, browser):
    """503, so Prometheus's own `up` says it."""
    node.answers[GetNodeStatus] = Unavailable("the guardian does not answer")

    problem_of(browser.get("/metrics"), 503, "unavailable")


def test_the_openapi_document_says_that_it_is_text(browser):
    """Programs that read the document do not expect JSON."""
    answer = browser.get("/openapi.json").json()["paths"]["/metrics"]["get"]["responses"]["200"]

    assert list(answer["content"]) == ["text/plain"]
