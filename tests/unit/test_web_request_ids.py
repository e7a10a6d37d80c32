"""The id of a request: in every answer, in every problem, and on its way to whoever works for it."""

import logging
from dataclasses import replace

import pytest
from test_web_forwarding import CSV, Cluster
from web_stage import LGA, LINE, Browser, Node, problem_of, settings, status

from killrweather.messages.cluster import ClusterView, Member
from killrweather.messages.node import GetNodeStatus
from killrweather.messages.weather import GetWeatherStation
from killrweather.model.station import WeatherStation
from killrweather.request_id import current

ID = {"X-Request-ID": "r-1"}


class Remembering(Node):
    """Knows for which request it was asked."""

    def __init__(self):
        super().__init__()
        self.request_ids = []
        self.answers[GetWeatherStation] = WeatherStation(LGA)

    async def ask(self, message):
        self.request_ids.append(current())
        return await super().ask(message)


@pytest.fixture
def node():
    return Remembering()


def test_an_answer_has_the_id_that_the_request_brought(node, browser):
    """And whoever is asked for it knows it."""
    answer = browser.get(f"/weather/stations/{LGA}", headers=ID)

    assert answer.headers.get_list("x-request-id") == ["r-1"]
    assert node.request_ids == ["r-1"]


def test_every_piece_of_an_upload_is_for_its_request(node, browser):
    """However it is cut."""
    assert browser.post("/weather/data", content=LINE * 60_000, headers=ID).status_code == 202

    assert len(node.request_ids) > 1
    assert set(node.request_ids) == {"r-1"}


@pytest.mark.parametrize("given", [{}, {"X-Request-ID": "a b"}, {"X-Request-ID": "<script>"}])
def test_without_a_usable_id_one_is_made(node, browser, given):
    """Another one for each request."""
    first, second = (browser.get(f"/weather/stations/{LGA}", headers=given).headers["x-request-id"] for _ in "12")

    assert node.request_ids == [first, second]
    assert first != second
    assert first not in given.values()


@pytest.mark.parametrize(
    ("method", "path", "status", "kind"),
    [
        ("GET", "/nowhere", 404, "not-found"),
        ("PUT", "/alive", 405, "method-not-allowed"),
        ("GET", f"/weather/stations/{LGA}/raw?limit=x", 422, "bad-argument"),
        ("POST", "/weather/data", 422, "unreadable-input"),
    ],
)
def test_a_problem_names_its_request(browser, method, path, status, kind):
    """For whoever reports it, and whoever looks into the log."""
    answer = browser.call(method, path, headers=ID)

    assert problem_of(answer, status, kind)["request_id"] == "r-1"
    assert answer.headers["x-request-id"] == "r-1"


def test_a_wrong_token_s_answer_names_its_request_too():
    """Nothing is answered before the id is there."""
    answer = Browser(Node(), settings(http={"token": "t"})).get("/status", headers=ID)

    assert problem_of(answer, 401, "unauthorized")["request_id"] == answer.headers["x-request-id"] == "r-1"


def test_a_fault_of_ours_is_in_the_log_with_the_id_that_was_answered(browser, monkeypatch):
    """The traceback is written while the request is worked for, so that its line says so."""
    logged = []
    handler = logging.Handler()
    handler.emit = lambda record: logged.append((record.getMessage(), record.exc_info is not None, current()))
    monkeypatch.setattr(logging.getLogger("killrweather.web.request_ids"), "handlers", [handler])
    browser.app.add_api_route("/broken", lambda: 1 / 0)
    answer = browser.get("/broken", headers=ID)

    assert problem_of(answer, 500, "internal-error")["request_id"] == answer.headers["x-request-id"] == "r-1"
    assert "ZeroDivisionError" in answer.json()["detail"]
    assert logged == [("request failed", True, "r-1")]


def test_the_openapi_document_has_the_id_at_every_call_and_answer(browser):
    """The names lead to something."""
    found = browser.get("/openapi.json").json()
    operations = [operation for path in found["paths"].values() for operation in path.values()]

    assert found["components"]["parameters"]["RequestId"]["name"] == "X-Request-ID"
    assert "RequestId" in found["components"]["headers"]
    for operation in operations:
        assert {"$ref": "#/components/parameters/RequestId"} in operation["parameters"]
        assert all("X-Request-ID" in response["headers"] for response in operation["responses"].values())


def test_a_request_that_is_passed_on_keeps_its_id():
    """One that came without gets the same from both nodes, and the answer has it once."""
    cluster = Cluster({"feeder": ["feed"], "asker": ["query"]})
    for given in (ID, {}, {"X-Request-ID": "a b"}):
        cluster.asked.clear()
        answer = cluster.call("asker", "POST", "/weather/data?format=csv", content=CSV, headers=given)
        [passed] = cluster.asked

        assert passed.headers.get_list("x-request-id") == answer.headers.get_list("x-request-id")
        assert answer.headers["x-request-id"] == "r-1" or given != ID
        assert len(answer.headers.get_list("x-request-id")) == 1


def test_what_a_node_asks_another_one_is_for_the_same_request():
    """Not only what it passes on."""
    cluster = Cluster({"a": ["stream", "query"], "b": ["stream", "query"]}, owner="b")
    view = ClusterView("a", 1, (Member("b", "b", "http://b", ("stream",), "1", 1, "Up"),), {"stream": "b"}, "")
    cluster.behind["a"].answers[GetNodeStatus] = replace(status(ready=True), cluster=view)
    cluster.call("a", "GET", "/status", headers=ID)

    assert [request.headers["x-request-id"] for request in cluster.asked] == ["r-1"]
