"""Pages of other sites: what they may have a visitor's browser do at this node, and what they may read."""

import asyncio

import pytest
from api_stage import WholeNode
from hostile import HANDSHAKE, head_of_answer
from hypothesis import given
from hypothesis import strategies as st
from server_stage import port_of, serving
from web_stage import LGA, LINE, Browser, Node, problem_of, settings

from killrweather.errors import ConfigurationError

STATION = f"/weather/stations/{LGA}"
SITE, EVIL = "https://map.example.org", "https://evil.example"
ORDERS = ("/weather/data", "/weather/stations", "/operations/recompute", "/cluster/members/n1/leave", "/upload")
ANY_NODE = Browser(Node(), settings())


@pytest.fixture
def node():
    return WholeNode()


@pytest.fixture
def open_browser(node):
    return Browser(node, settings(http={"token": "s3cret", "cors_origins": [SITE]}))


def test_a_page_of_a_named_site_may_ask_and_read(open_browser):
    """The browser's own question needs no token, the call does; the headers of pages and tags can be read."""
    asked = {"Origin": SITE, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
    before = open_browser.call("OPTIONS", "/weather/data", headers=asked)
    answer = open_browser.get(STATION, headers={"Origin": SITE, "Authorization": "Bearer s3cret"})
    refused = open_browser.get(STATION, headers={"Origin": SITE})

    assert (before.status_code, before.headers["access-control-allow-origin"]) == (200, SITE)
    assert answer.headers["access-control-allow-origin"] == SITE
    assert "Link" in answer.headers["access-control-expose-headers"]
    problem_of(refused, 401, "unauthorized")


def test_a_page_of_another_site_may_not(open_browser):
    """The question is refused, and an answer has no permission."""
    asked = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    answer = open_browser.get(STATION, headers={**asked, "Authorization": "Bearer s3cret"})

    assert (
        "cors_origins" in problem_of(open_browser.call("OPTIONS", STATION, headers=asked), 403, "forbidden")["detail"]
    )
    assert "access-control-allow-origin" not in answer.headers


def test_other_sites_get_no_permission_to_read(browser):
    """No CORS header, also for a preflight."""
    asked = {"Origin": "https://example.org", "Access-Control-Request-Method": "POST"}

    for response in (browser.call("OPTIONS", "/weather/data", headers=asked), browser.get("/alive", headers=asked)):
        assert not [name for name in response.headers if name.startswith("access-control")]


@pytest.mark.parametrize("origin", ["map.example.org", "https://map.example.org/path", "https://*.example.org", ""])
def test_an_origin_of_another_form_is_no_setting(origin):
    """A scheme and a host, or *."""
    with pytest.raises((ValueError, ConfigurationError)):
        settings(http={"cors_origins": [origin]})


@pytest.mark.parametrize("path", ORDERS)
@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": EVIL},
        {"Origin": "null"},
        {"Origin": ""},
        {"Origin": "http://node:1"},
        {"Origin": "http://node.evil.example"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": EVIL, "Sec-Fetch-Site": "same-origin"},
    ],
    ids=str,
)
def test_a_page_of_another_site_may_have_nothing_done(browser, node, path, headers):
    """403 that says which setting would allow it, before anybody is asked."""
    answer = browser.post(path, content=LINE, headers={"Content-Type": "text/plain", **headers})

    assert "http.cors_origins" in problem_of(answer, 403, "forbidden")["detail"]
    assert node.asked == []


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "http://node"},
        {"Origin": "HTTPS://NODE"},
        {"Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": "http://node", "Sec-Fetch-Site": "same-origin"},
    ],
    ids=str,
)
def test_programs_and_this_node_s_own_pages_are_not_concerned(browser, headers):
    """No origin, or the one that the request goes to."""
    assert browser.post("/weather/data", content=LINE, headers=headers).status_code == 202


@pytest.mark.parametrize(
    "allowed", [{"cors_origins": [SITE]}, {"cors_origins": ["*"]}, {"advertised_url": SITE}], ids=str
)
def test_a_site_that_the_configuration_names_may(node, allowed):
    """The node's own address behind a proxy is one of them."""
    headers = {"Origin": SITE, "Sec-Fetch-Site": "cross-site"}

    assert Browser(node, settings(http=allowed)).post("/weather/data", content=LINE, headers=headers).status_code == 202


def test_the_form_to_log_in_is_no_way_in_for_another_site(node):
    """Nor does a token help a page that the configuration does not name."""
    browser = Browser(node, settings(http={"token": "s3cret"}))
    good = {"Authorization": "Bearer s3cret", "Origin": EVIL}

    problem_of(browser.post("/login", data={"token": "s3cret"}, headers={"Origin": EVIL}), 403, "forbidden")
    problem_of(browser.post("/weather/data", content=LINE, headers=good), 403, "forbidden")


def test_a_link_from_another_site_leads_here(browser):
    """What only reads is answered; that the page sees the answer is for its browser to prevent."""
    assert browser.get(STATION, headers={"Sec-Fetch-Site": "cross-site", "Origin": EVIL}).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8080",
        "127.0.0.1.evil.example",
        "localhost.evil.example.",
        "[::1].evil.example",
        "1.2.3",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_name_that_another_site_may_have_led_to_loopback_is_refused(browser, node, method, host):
    """Its page would be of the same origin as this node: not even reading is answered."""
    answer = browser.call(method, "/weather/stations", headers={"Host": host, "Origin": f"http://{host}"})

    assert "http.cors_origins" in problem_of(answer, 403, "forbidden")["detail"]
    assert node.asked == []


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "localhost:8080",
        "LOCALHOST.",
        "a.localhost:1",
        "127.0.0.1:8080",
        "[::1]:8080",
        "192.0.2.7",
        "killrweather:8080",
    ],
)
def test_a_name_that_no_other_site_has_is_answered(browser, host):
    """Addresses, localhost, and names without a dot."""
    assert browser.get(STATION, headers={"Host": host}).status_code == 200


def test_a_name_that_the_configuration_says_is_answered(node):
    """Or any, when the token keeps the page out instead."""
    named = Browser(node, settings(http={"advertised_url": "https://weather.example.org:8443"}))
    guarded = Browser(node, settings(http={"token": "s3cret"}))

    assert named.get(STATION, headers={"Host": "weather.example.org"}).status_code == 200
    problem_of(named.get(STATION, headers={"Host": "example.org"}), 403, "forbidden")
    assert guarded.get(STATION, headers={"Host": "evil.example", "Authorization": "Bearer s3cret"}).status_code == 200


@given(st.binary(max_size=40).filter(lambda one: not set(one) & {0, 10, 13}), st.booleans())
def test_no_origin_and_no_host_make_it_fail(value, is_host):
    """It is refused or not."""
    answer = ANY_NODE.post("/weather/data", content=LINE, headers={b"Host" if is_host else b"Origin": value})

    assert answer.status_code in (202, 403)


@pytest.mark.parametrize(
    ("origin", "is_opened"),
    [
        (b"Origin: http://127.0.0.1:8080\r\n", True),
        (b"", True),
        (b"Origin: https://evil.example\r\n", False),
        (b"Origin: null\r\n", False),
    ],
)
def test_the_page_s_web_socket_is_for_its_own_page(origin, is_opened):
    """101 for it, and 403 for a page of another site."""

    async def scenario():
        async with serving() as server:
            return await head_of_answer(port_of(server), HANDSHAKE + origin + b"\r\n")

    assert asyncio.run(scenario()).startswith(b"HTTP/1.1 101 " if is_opened else b"HTTP/1.1 403 ")
