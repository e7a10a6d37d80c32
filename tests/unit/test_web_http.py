"""What holds for every path: methods, forms of answers and bodies, what may be kept, the docs."""

import http.client
import json
import re

import httpx
import jsonschema_rs
import pytest
from api_stage import WholeNode, served
from hypothesis import given
from hypothesis import strategies as st
from web_stage import LGA, LINE, problem_of

from killrweather.messages.weather import FindWeatherStations, GetWeatherStation, StoreWeatherStations
from killrweather.model.station import WeatherStation
from killrweather.web.examples import EXAMPLES
from killrweather.web.negotiation import _is_acceptable
from killrweather.web.parameters import parse_moment

STATION = f"/weather/stations/{LGA}"


@pytest.fixture
def node():
    return WholeNode()


@pytest.mark.parametrize(
    "path", [STATION, "/weather/stations", "/alive", "/ready", "/openapi.json", "/docs", "/metrics"]
)
def test_head_is_get_without_its_body(browser, path):
    """The same status and headers."""
    got, head = browser.get(path), browser.call("HEAD", path)

    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-type"] == got.headers["content-type"]
    assert head.headers.get("etag") == got.headers.get("etag")


def test_head_of_what_is_not_there_is_404(browser):
    """As GET is; and HEAD of a stream that never ends has an end."""
    assert browser.call("HEAD", "/nix").status_code == 404
    assert browser.call("HEAD", "/cluster/events?history=0").status_code == 200


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("/weather/stations", "GET, POST, HEAD, OPTIONS"),
        ("/operations/recompute", "GET, POST, HEAD, OPTIONS"),
        ("/weather/data", "POST, OPTIONS"),
        (STATION, "GET, HEAD, OPTIONS"),
    ],
)
def test_a_path_tells_all_its_methods(browser, path, methods):
    """To OPTIONS, and to a method that it does not have."""
    options, refused = browser.call("OPTIONS", path), browser.call("DELETE", path)

    assert (options.status_code, options.headers["allow"]) == (204, methods)
    assert refused.headers["allow"] == methods
    assert methods in problem_of(refused, 405, "method-not-allowed")["detail"]


def test_options_of_what_is_not_there_is_404(browser):
    """A problem, as with every method."""
    problem_of(browser.call("OPTIONS", "/nix"), 404, "not-found")


@pytest.mark.parametrize("accept", ["text/html", "image/*", "application/json;q=0", "text/event-stream"])
def test_a_client_that_takes_no_json_is_told_what_there_is(browser, node, accept):
    """406, and nobody is asked."""
    detail = problem_of(browser.get(STATION, headers={"Accept": accept}), 406, "not-acceptable")["detail"]

    assert "application/json" in detail
    assert node.asked == []


def test_every_call_minds_what_the_client_takes(browser, node):
    """406 before an argument is looked at or anybody asked."""
    for path, operations in browser.get("/openapi.json").json()["paths"].items():
        for method in operations:
            problem_of(browser.call(method.upper(), path, headers={"Accept": "x/none"}), 406, "not-acceptable")

    assert node.asked == []


@pytest.mark.parametrize("accept", ["*/*", "application/*", "text/html, application/json;q=0.5", "TEXT/html,*/*;q=0.1"])
def test_a_client_that_takes_json_too_gets_it(browser, accept):
    """As browsers ask, for example."""
    assert browser.get(STATION, headers={"Accept": accept}).status_code == 200


@given(st.lists(st.text(max_size=20), max_size=5))
def test_no_accept_header_makes_it_fail(ranges):
    """It is taken or not."""
    assert _is_acceptable("application/json", ranges) in (True, False)


@pytest.mark.parametrize("kind", ["image/png", "multipart/form-data; boundary=x", "application/pdf", "video/mp4"])
@pytest.mark.parametrize("path", ["/weather/data", "/weather/stations"])
def test_a_body_that_says_it_is_something_else_is_refused(browser, node, path, kind):
    """415 that names what it may be."""
    answer = browser.post(path, content=LINE, headers={"Content-Type": kind})

    assert "text/csv" in problem_of(answer, 415, "unsupported-media-type")["detail"]
    assert node.asked == []


def test_a_body_in_an_unknown_coding_is_refused(browser):
    """415; gzip is known, whether the header says it or not."""
    problem_of(browser.post("/weather/data", content=LINE, headers={"Content-Encoding": "br"}), 415,
               "unsupported-media-type")  # fmt: skip
    assert browser.post("/weather/data", content=LINE, headers={"Content-Encoding": "identity"}).status_code == 202


@pytest.mark.parametrize("kind", [None, "text/csv; charset=utf-8", "application/x-www-form-urlencoded", "text/plain"])
def test_a_body_of_a_usual_type_is_read(browser, kind):
    """curl's own too."""
    headers = {} if kind is None else {"Content-Type": kind}

    assert browser.post("/weather/data", content=LINE, headers=headers).status_code == 202


def test_a_key_against_repeats_is_harmless(browser, node):
    """Sending again with it is sending again."""
    answers = [browser.post("/weather/data", content=LINE, headers={"Idempotency-Key": "k"}) for _ in range(2)]

    assert [answer.json()["accepted"] for answer in answers] == [1, 1]


def test_an_answer_that_is_the_same_is_not_sent_again(browser, node):
    """304 for the tag that the client has; another answer has another tag and is sent."""
    first = browser.get(STATION)
    tag = first.headers["etag"]
    same = browser.get(STATION, headers={"If-None-Match": f'"x", W/{tag}'})
    node.answers[GetWeatherStation] = WeatherStation(LGA, "CHANGED")
    other = browser.get(STATION, headers={"If-None-Match": tag})

    assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", tag)
    assert first.headers["cache-control"] == same.headers["cache-control"] == "no-cache"
    assert other.status_code == 200
    assert other.headers["etag"] != tag


def test_what_does_not_change_may_be_kept_and_what_is_now_may_not(browser):
    """Sky conditions for a day; readiness and problems never."""
    assert browser.get("/weather/sky-conditions/8").headers["cache-control"] == "max-age=86400"
    for path in ("/ready", "/status", "/weather/sky-conditions/99", "/nix"):
        assert browser.get(path).headers["cache-control"] == "no-store"


def test_no_answer_is_taken_for_another_type(browser):
    """A station's name may look like a page: it is JSON, and stays it."""
    for path in (STATION, "/nix", "/docs", "/openapi.json"):
        assert browser.get(path).headers["x-content-type-options"] == "nosniff"


def test_every_call_has_an_example_that_is_what_it_answers(browser):
    """The examples of the document fit its own schemas, and none is missing."""
    document = browser.get("/openapi.json").json()
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            success = operation["responses"][min(operation["responses"])]["content"]
            if "application/json" in success:
                schema = {**success["application/json"]["schema"], "components": document["components"]}
                jsonschema_rs.validate(schema, success["application/json"]["example"])
                assert (method.upper(), path) in EXAMPLES


def test_every_problem_of_the_document_has_an_example_of_its_status(browser):
    """And says what comes with it: 429 and 503 when to try again."""
    for path, operations in browser.get("/openapi.json").json()["paths"].items():
        for operation in operations.values():
            for status, answer in operation["responses"].items():
                if "application/problem+json" in answer.get("content", {}):
                    assert str(answer["content"]["application/problem+json"]["example"]["status"]) == status, path
                    assert (status in ("429", "503")) == ("Retry-After" in answer.get("headers", {}))


def test_the_docs_show_every_call_to_people_and_load_nothing(browser):
    """Each path of the document, its arguments and answers; no script, no address but the node's own."""
    page = browser.get("/docs")
    document = browser.get("/openapi.json").json()

    assert page.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    for path, operations in document["paths"].items():
        for method in operations:
            assert f"<h3>{method.upper()} {path}</h3>" in page.text
    assert not re.search(r"<script|<link|<img|src=|https?://(?!127\.0\.0\.1)", page.text.replace("&#x27;", "'"))
    assert (
        "curl &#x27;http://127.0.0.1:8080/weather/stations/725030:14732/temperature/high-low?year=2008&amp;month=7"
        in (page.text)
    )


PATH_TRICKS = (
    "/weather/stations/../../alive", "//alive", "/alive/", "/alive%00", "/./alive", "/%2e%2e/alive", "/alive;x",
    "/ALIVE", "/weather/stations/%2e%2e%2f%2e%2e%2fetc%2fpasswd", "/weather/stations/..%5c..%5cx/current", "/\\alive",
    "/%ff", "/../../../../etc/passwd", "http://elsewhere/alive/x", "/weather//stations", "/docs/../status",
)  # fmt: skip


def test_no_trick_with_a_path_leads_past_the_token():
    """401 without it, and with it a problem: never a page, a file or a redirect."""
    with served(token="s3cret") as url:
        port = httpx.URL(url).port
        for path in PATH_TRICKS:  # by a client that sends them as they are
            for headers, statuses in (({}, (401,)), ({"Authorization": "Bearer s3cret"}, (404, 422))):
                client = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
                client.request("GET", path, headers=headers)
                answer = client.getresponse()
                body = answer.read()
                client.close()
                assert answer.status in statuses, (path, answer.status, body)
                assert json.loads(body)["detail"]


HTML = '<script>alert("1")</script><img src=x onerror=alert(2)>'


def test_html_in_a_station_s_name_is_kept_as_it_is_and_told_as_json(browser, node):
    """What came in comes out, and nothing takes it for a page."""
    answer = browser.post("/weather/stations", content=f"{LGA},{HTML},US,NY,KLGA,40.779,-73.88,3\n".encode())
    [stored] = [message for message in node.asked if isinstance(message, StoreWeatherStations)]
    node.answers[FindWeatherStations] = stored.stations
    told = browser.get("/weather/stations", params={"search": HTML})

    assert answer.status_code == 202, answer.text
    assert told.json()[0]["name"] == stored.stations[0].name
    assert "<script>" in stored.stations[0].name
    assert told.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    "path", ["/nix/<script>x</script>", "/weather/stations/<script>/current", "/status?node_only=<b>"]
)
def test_html_in_a_call_comes_back_as_json_only(browser, path):
    """A problem that quotes it is no page."""
    answer = browser.get(path)

    assert answer.status_code in (404, 422)
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "path",
    [f"{STATION}/raw?start=0001-01-01T00:00:00%2B23:59", f"{STATION}/raw?end=9999-12-31", f"{STATION}/raw?start=",
     f"{STATION}/raw?end=9999-12-31T23:59:59-23:59", f"{STATION}/temperature/daily?start=20080101",
     f"{STATION}/temperature/daily?start=2008-W01-1", "/weather/stations?near=nan,1", "/weather/stations?near=1e1,1",
     f"{STATION}/raw?start=2008-01-01T00:00:00.1234567Z", "/weather/stations?km=inf", "/weather/stations?limit=1e3"],
)  # fmt: skip
def test_times_and_places_at_the_edge_of_what_there_is_are_answered_or_refused(browser, path):
    """Never a server error, and one form of each: what Python's own parsers take besides is refused."""
    answer = browser.get(path)

    assert answer.status_code == 200 if path.endswith("9999-12-31") else problem_of(answer, 422, "bad-argument")


@pytest.mark.parametrize("text", ["2008-01-31T18:00:00Z", "2008-01-31T18:00z", "2008-01-31t20:00:00.5+02:00"])
def test_a_time_is_read_in_every_form_of_the_standard(text):
    """On every Python."""
    assert parse_moment("start", text).isoformat().startswith("2008-01-31T18:00:00")
