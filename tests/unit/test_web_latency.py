"""How long answers take, by route: measured for every answer, with labels that nobody can make up."""

import asyncio
from types import SimpleNamespace

import pytest
from test_web_forwarding import CSV, Cluster
from web_stage import LGA, Browser, Node, settings

from killrweather.messages.weather import GetWeatherStation
from killrweather.model.station import WeatherStation
from killrweather.web import latency
from killrweather.web.latency import Latencies, Timing


@pytest.fixture
def counted(monkeypatch):
    """The answers that were counted, as they were counted."""
    found = []
    monkeypatch.setattr(Latencies, "add", lambda self, *answer: found.append(answer))
    return found


def browser(**sections):
    node = Node()
    node.answers[GetWeatherStation] = WeatherStation(LGA)
    return Browser(node, settings(**sections))


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", f"/weather/stations/{LGA}", ("GET", "/weather/stations/{wsid}", 200)),
        ("GET", "/weather/stations/x/raw?limit=z", ("GET", "/weather/stations/{wsid}/raw", 422)),
        ("DELETE", f"/weather/stations/{LGA}", ("DELETE", "/weather/stations/{wsid}", 405)),
        ("GET", "/openapi.json", ("GET", "/openapi.json", 200)),
        ("GET", "/wp-admin/setup.php", ("GET", "unknown", 404)),
    ],
)
def test_an_answer_is_counted_by_the_template_of_its_path(counted, method, path, expected):
    """Whichever way it went."""
    browser().call(method, path)

    assert [answer[:3] for answer in counted] == [expected]
    assert counted[0][3] > 0


def test_answers_are_logged_for_who_wants_to_know(caplog):
    """At DEBUG: with their path and what became of them."""
    with caplog.at_level("DEBUG", "killrweather.web.latency"):
        browser().get("/nowhere")
    [line] = caplog.records

    assert (line.getMessage(), line.method, line.path, line.status) == ("answered", "GET", "/nowhere", 404)
    assert line.seconds >= 0


def test_an_unexpected_failure_counts_as_500(counted):
    """It has an answer as well."""
    browsing = browser()
    browsing.app.add_api_route("/broken", lambda: 1 / 0)
    browsing.get("/broken")

    assert [answer[:3] for answer in counted] == [("GET", "/broken", 500)]


def test_an_answer_before_the_routing_has_its_route_too(counted):
    """A wrong token, and what another node answers."""
    browser(http={"token": "t"}).get(f"/weather/stations/{LGA}")
    assert [answer[:3] for answer in counted] == [("GET", "/weather/stations/{wsid}", 401)]
    counted.clear()
    Cluster({"feeder": ["feed"], "asker": ["query"]}).call("asker", "POST", "/weather/data?format=csv", content=CSV)

    assert [answer[:3] for answer in counted] == [("POST", "/weather/data", 202)] * 2


def test_methods_that_http_does_not_know_are_one():
    """Anybody may send a thousand of them."""
    latencies = Latencies()
    for number in range(1_000):
        latencies.add(f"M{number}", "unknown", 404, 0.1)
    [(key, seconds)] = latencies.items()

    assert key == ("unknown", "unknown", "4xx")
    assert sum(seconds.counts) == 1_000


def test_a_stream_s_own_length_does_not_count(counted, monkeypatch):
    """Only the time until its head."""
    now = SimpleNamespace(s=0.0)
    monkeypatch.setattr(latency.time, "perf_counter", lambda: now.s)

    async def events(scope, receive, send):
        now.s += 0.25
        await send({"type": "http.response.start", "status": 200, "headers": []})
        now.s += 3_600
        await send({"type": "http.response.body", "body": b""})

    async def sent(message):
        pass

    scope = {"type": "http", "method": "GET", "path": "/events"}
    asyncio.run(Timing(events, Latencies(), list)(scope, None, sent))

    assert counted == [("GET", "unknown", 200, 0.25)]
