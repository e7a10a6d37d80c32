"""Any node may be asked anything: what it cannot answer goes to one that can."""

import asyncio

import httpx
import pytest
from web_stage import LGA, Node, problem_of, settings

from killrweather.messages.cluster import ClusterView, Member
from killrweather.messages.layers import Replay, Replaying
from killrweather.messages.weather import GetWeatherStation
from killrweather.model.station import WeatherStation
from killrweather.web import create_app
from killrweather.web.nodes import HOP, Nodes

CSV = f"{LGA},2008,01,01,00,5.0,-3.9,1020.4,270,4.6,2,0.0,0.0\n"


class Cluster:
    """Nodes with their applications, which reach each other without a network; one may be away."""

    def __init__(self, roles, owner=None, token=None, states=None):
        self.away, self.asked = set(), []
        states = states or {}
        self.members = members = tuple(
            Member(name, name, f"http://{name}", tuple(had), "1", number, states.get(name, "Up"))
            for number, (name, had) in enumerate(roles.items(), 1)
        )
        self.behind, self.doors = {}, {}
        for name in roles:
            given = settings(node={"name": name}, http={"token": token} if token else {})
            nodes = Nodes(given)
            nodes.view = ClusterView(name, 1, members, {"stream": owner} if owner else {}, "")
            nodes._client = httpx.AsyncClient(transport=self)
            self.behind[name] = Node()
            self.behind[name].answers |= {GetWeatherStation: WeatherStation(LGA), Replay: Replaying("1", {}, {}, True)}
            self.doors[name] = httpx.ASGITransport(create_app(given, self.behind[name].ask, nodes))

    async def handle_async_request(self, request):
        self.asked.append(request)
        if request.url.host in self.away:
            raise httpx.ConnectError("refused", request=request)
        return await self.doors[request.url.host].handle_async_request(request)

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        pass

    def call(self, name, method, path, **options):
        async def once():
            async with httpx.AsyncClient(transport=self.doors[name], base_url=f"http://{name}") as client:
                return await client.request(method, path, **options)

        return asyncio.run(once())


@pytest.fixture
def cluster():
    return Cluster({"feeder": ["feed"], "asker": ["query"], "asker-2": ["query"]})


def test_data_sent_to_a_node_without_the_role_is_published_by_one_that_has_it(cluster):
    """The answer is the other node's own."""
    answer = cluster.call("asker", "POST", "/weather/data?format=csv", content=CSV)

    assert answer.status_code == 202, answer.text
    assert answer.json()["accepted"] == 1
    assert cluster.behind["feeder"].asked
    assert not cluster.behind["asker"].asked


def test_every_node_tells_observations_itself(cluster):
    """A stream is passed on to nobody, whatever the roles are: all of them read the same log."""
    for name in ("feeder", "asker"):
        nodes = Nodes(settings())
        nodes.view = ClusterView(name, 1, cluster.members, {}, "")

        assert nodes.elsewhere("/weather/events") is None


def test_what_a_node_can_answer_itself_it_does(cluster):
    """No hop without need."""
    cluster.call("asker", "GET", f"/weather/stations/{LGA}")

    assert cluster.asked == []


def test_a_question_goes_to_the_next_node_when_one_is_away(cluster):
    """The client sees nothing of it."""
    cluster.away = {"asker"}
    cluster.call("feeder", "GET", f"/weather/stations/{LGA}")

    assert [request.url.host for request in cluster.asked] == ["asker", "asker-2"]


def test_a_request_is_passed_on_once(cluster):
    """Two nodes that do not know each other's roles would send it to and fro."""
    answer = cluster.call("asker", "POST", "/weather/data?format=csv", content=CSV, headers={HOP: "other"})

    assert "cannot answer what other passed on" in problem_of(answer, 503, "unavailable")["detail"]
    assert cluster.asked == []


def test_without_a_node_of_the_role_the_answer_says_which_is_missing():
    """And how to start one."""
    alone = Cluster({"asker": ["query"]})
    answer = alone.call("asker", "POST", "/weather/data", content=CSV)

    assert "node start --roles feed" in problem_of(answer, 503, "unavailable")["detail"]
    assert answer.headers["Retry-After"] == "1"


def test_the_token_goes_along():
    """The other node asks for it, too."""
    guarded = Cluster({"feeder": ["feed"], "asker": ["query"]}, token="s3cret")
    good = {"Authorization": "Bearer s3cret"}

    assert guarded.call("asker", "POST", "/weather/data?format=csv", content=CSV, headers=good).status_code == 202
    assert guarded.call("asker", "POST", "/weather/data?format=csv", content=CSV).status_code == 401


def test_which_page_asks_is_judged_by_the_node_that_it_asks(cluster):
    """Its own page is another site to the node that answers."""
    page = {"Origin": "http://asker", "Sec-Fetch-Site": "same-origin"}

    assert cluster.call("asker", "POST", "/weather/data?format=csv", content=CSV, headers=page).status_code == 202
    assert cluster.asked
    problem_of(cluster.call("asker", "POST", "/weather/data", content=CSV, headers={"Origin": "http://feeder"}), 403,
               "forbidden")  # fmt: skip


def test_a_replay_goes_to_the_node_that_owns_the_stream():
    """Wherever it is ordered."""
    two = Cluster({"a": ["stream", "query"], "b": ["stream", "query"]}, owner="b")
    two.call("a", "POST", "/operations/replay?from_beginning=true")

    assert [str(request.url) for request in two.asked] == ["http://b/operations/replay?from_beginning=true"]


def test_a_node_that_is_still_joining_passes_on_what_others_can_answer():
    """A rolling restart is not seen from outside."""
    two = Cluster({"old": ["query"], "new": ["query"]}, states={"new": "Joining"})
    two.call("new", "GET", f"/weather/stations/{LGA}")

    assert [request.url.host for request in two.asked] == ["old"]


def test_the_time_that_is_left_goes_along(cluster):
    """Nobody works longer on a question than its asker waits."""
    cluster.call("feeder", "GET", f"/weather/stations/{LGA}")

    assert float(cluster.asked[0].headers["x-killrweather-timeout"]) == settings().http.request_timeout_s


def test_an_unreachable_node_is_named(cluster):
    """With its address."""
    cluster.away = {"feeder"}
    answer = cluster.call("asker", "POST", "/weather/data?format=csv", content=CSV)

    assert "node feeder at http://feeder does not answer" in problem_of(answer, 503, "unavailable")["detail"]
