"""What holds for the whole application: token, problems, readiness, the page and the OpenAPI document."""

import re
from pathlib import Path

import pytest
from web_stage import LINE, Browser, problem_of, settings, status

from killrweather.errors import KillrWeatherError, Unavailable
from killrweather.messages.node import GetNodeStatus, GetStreamProgress
from killrweather.messages.weather import GetCurrentWeather
from killrweather.web.problems import TITLES

DOCS = Path(__file__).parents[2] / "docs" / "http.md"


def test_every_call_but_alive_needs_the_token(node):
    """401 without it or with another one; /alive is open."""
    browser = Browser(node, settings(http={"token": "s3cret"}))

    for path in ("/", "/ready", "/status", "/metrics", "/openapi.json", "/weather/stations", "/nix"):
        for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "s3cret"}):
            response = browser.get(path, headers=headers)
            assert "http.token" in problem_of(response, 401, "unauthorized")["detail"]
            assert response.headers["www-authenticate"] == "Bearer"
    assert node.asked == []
    assert browser.get("/alive").status_code == 200
    assert browser.get("/ready", headers={"Authorization": "Bearer s3cret"}).status_code == 200


def test_without_a_token_no_header_is_needed(browser):
    """The server then listens on loopback only."""
    assert browser.post("/weather/data", content=LINE).status_code == 202


def test_unknown_paths_and_methods_are_problems_too(browser):
    """404 and 405, the latter with what is allowed."""
    problem_of(browser.get("/nix"), 404, "not-found")
    response = browser.call("DELETE", "/weather/stations")

    problem_of(response, 405, "method-not-allowed")
    assert response.headers["allow"]


def test_a_failure_of_ours_tells_its_text(node, browser):
    """500 with the text, which is meant for people."""
    node.answers[GetCurrentWeather] = KillrWeatherError("the actor died twice of this question")

    detail = problem_of(browser.get("/weather/stations/725030:14732/current"), 500, "internal-error")["detail"]
    assert detail == "the actor died twice of this question"


def test_an_unexpected_failure_tells_nothing_of_the_inside(node, browser):
    """500 with the kind of the error only."""
    node.answers[GetCurrentWeather] = RuntimeError("password=hunter2")

    detail = problem_of(browser.get("/weather/stations/725030:14732/current"), 500, "internal-error")["detail"]
    assert "hunter2" not in detail


def test_ready_names_each_check(node, browser):
    """200 when all are well, 503 as soon as one is not."""
    ready = browser.get("/ready")
    node.answers[GetNodeStatus] = status(ready=False)
    waiting = browser.get("/ready")

    assert (ready.status_code, ready.json()["ready"]) == (200, True)
    assert waiting.status_code == 503
    assert waiting.json() == {
        "ready": False,
        "checks": [
            {"name": "kafka", "ok": True, "text": "127.0.0.1:9092"},
            {"name": "stream", "ok": False, "text": "<starting>"},
        ],
    }


def test_ready_without_a_guardian_is_503_and_alive_is_200(node, browser):
    """The door is open before the guardian answers."""
    node.answers[GetNodeStatus] = Unavailable("the guardian does not answer")

    assert browser.get("/alive").json() == {"alive": True}
    assert browser.get("/ready").status_code == 503
    assert browser.get("/ready").json()["checks"][0]["name"] == "guardian"


def test_status_has_the_node_and_the_stream(node, browser):
    """Also when the stream's progress can't be had."""
    with_stream = browser.get("/status").json()
    node.answers[GetStreamProgress] = Unavailable("Cassandra is away")
    without = browser.get("/status").json()

    assert with_stream["node"]["counters"]["received"] == 12_345
    assert with_stream["stream"]["stored"] == {"0": 90}
    assert (without["stream"], without["problem"]) == (None, "Cassandra is away")


def test_a_browser_without_the_token_is_sent_to_the_form(node):
    """And only where a person looks: programs, and browsers at the API, get 401."""
    browser, html = Browser(node, settings(http={"token": "s3cret"})), {"Accept": "text/html"}
    sent = browser.get("/stations/725030:14732", headers=html)

    assert (sent.status_code, sent.headers["location"]) == (303, "/login?next=/stations/725030%3A14732")
    assert browser.get("/login").status_code == 200
    problem_of(browser.get("/weather/stations", headers=html), 401, "unauthorized")


def test_the_form_sets_a_cookie_that_opens_the_api(node):
    """HttpOnly, SameSite=Strict, and not the token itself; a wrong token gets none."""
    browser = Browser(node, settings(http={"token": "s3cret"}))
    wrong = browser.post("/login", data={"token": "s3creT"})
    right = browser.post("/login", data={"token": "s3cret", "next": "/upload"})
    cookie = right.headers["set-cookie"]

    assert (wrong.status_code, "set-cookie" in wrong.headers) == (401, False)
    assert (right.status_code, right.headers["location"]) == (303, "/upload")
    assert {"HttpOnly", "SameSite=strict"} < set(cookie.split("; "))
    assert "s3cret" not in cookie
    assert browser.get("/ready", headers={"Cookie": cookie.split(";")[0]}).status_code == 200
    problem_of(browser.get("/ready", headers={"Cookie": "killrweather_login=0"}), 401, "unauthorized")


@pytest.mark.parametrize("target", ["https://example.org/", "//example.org", "/\\example.org", "javascript:alert(1)"])
def test_the_form_leads_to_no_other_site(node, target):
    """Back to the first page instead."""
    browser = Browser(node, settings(http={"token": "s3cret"}))

    assert browser.post("/login", data={"token": "s3cret", "next": target}).headers["location"] == "/"


def test_the_form_shows_where_it_leads_as_text(node):
    """Nothing in the address gets out of its attribute."""
    browser = Browser(node, settings(http={"token": "s3cret"}))

    assert "<script>" not in browser.get("/login", params={"next": '/"><script>alert(1)</script>'}).text


def test_the_page_names_no_other_machine_and_says_what_may_run(browser):
    """Every address is a path of this node; inline scripts are named by hashes; nobody may frame it."""
    page = browser.get("/")
    policy = page.headers["content-security-policy"]

    assert page.headers["content-type"].startswith("text/html")
    assert not re.search(r"""(?:src|href)=["'](?:https?:)?//""", page.text)
    assert "'unsafe-inline'" not in policy.split("script-src")[1]
    assert "'sha256-" in policy
    assert {"frame-ancestors 'none'", "default-src 'none'"} < set(policy.split("; "))


def test_the_page_leaves_no_file_behind(browser, tmp_path, monkeypatch):
    """NiceGUI's storage is off."""
    monkeypatch.chdir(tmp_path)
    browser.get("/operations")

    assert list(tmp_path.iterdir()) == []


def test_no_page_that_loads_scripts_from_elsewhere_is_served(browser):
    """FastAPI's own pages are off."""
    problem_of(browser.get("/redoc"), 404, "not-found")


def test_the_openapi_document_describes_every_route(browser):
    """OpenAPI 3.1; each operation has a summary text, a typed answer and only problems of our form."""
    document = browser.get("/openapi.json").json()

    assert document["openapi"].startswith("3.1")
    assert "HTTPValidationError" not in str(document)
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            assert operation["description"], (method, path)
            success = next(answer for code, answer in operation["responses"].items() if code in ("200", "202"))
            content = success["content"]
            [kind] = content.keys() & {"application/json", "text/event-stream", "text/plain"}
            assert kind == "text/event-stream" or content[kind]["schema"], (method, path)


def test_every_reference_of_the_openapi_document_leads_somewhere(browser):
    """No dangling $ref."""
    document = browser.get("/openapi.json").json()
    names = set(re.findall(r"#/components/schemas/(\w+)", str(document)))

    assert names <= document["components"]["schemas"].keys()


def test_the_document_tells_of_the_token(node):
    """As bearer security on everything but /alive."""
    browser = Browser(node, settings(http={"token": "s3cret"}))
    document = browser.get("/openapi.json", headers={"Authorization": "Bearer s3cret"}).json()

    assert document["security"] == [{"token": []}]
    assert document["paths"]["/alive"]["get"]["security"] == []


def test_the_docs_list_every_route_and_no_other(browser):
    """docs/http.md has a row for each operation of the application."""
    described = set(re.findall(r"^\| `(GET|POST) ([^`?]+)", DOCS.read_text(encoding="utf-8"), re.MULTILINE))
    paths = browser.get("/openapi.json").json()["paths"]
    real = {(method.upper(), path) for path, operations in paths.items() for method in operations}

    assert described == real | {("GET", "/"), ("GET", "/docs"), ("GET", "/openapi.json")}


def test_the_docs_list_every_problem_type():
    """docs/http.md has a row for each type that an answer can have."""
    described = re.findall(r"^\| `([a-z-]+)` \|", DOCS.read_text(encoding="utf-8"), re.MULTILINE)

    assert sorted(described) == sorted(TITLES)
