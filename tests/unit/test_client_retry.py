"""Which node is asked, whether again and when: decided without I/O, so nodes, clock and answers are the test's."""

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from killrweather.client.core import Core, http_options
from killrweather.client.retry import FIRST_PAUSE_S, LONGEST_PAUSE_S, Retry
from killrweather.client.steps import Call, Done, Failed, Pause, advance
from killrweather.errors import BadRequest, KillrWeatherError, NoData, Refused, Unavailable

GET, FEED, ORDER = Call("GET", "/status"), Call("POST", "/weather/data"), Call("POST", "/operations/recompute")

OK, NO_DATA = (200, {}), (404, {})
NOT_REACHED, CUT_OFF = httpx.ConnectError("refused"), httpx.ReadTimeout("timed out")

for_now = st.one_of(
    st.just(NOT_REACHED),
    st.just(CUT_OFF),
    st.tuples(st.sampled_from([408, 429, 502, 503, 504]), st.just({})),
    st.tuples(st.sampled_from([429, 503]), st.integers(0, 8).map(lambda s: {"retry-after": str(s)})),
)


class Nodes:
    """Nodes that answer as their scripts say, a clock that only pauses move, and what was asked when."""

    def __init__(self, *scripts, patience_s=180.0):
        self.now = 1_000.0
        self.urls = [f"http://n{number}" for number in range(len(scripts))]
        self.scripts = dict(zip(self.urls, map(iter, scripts), strict=True))
        self.asked, self.pauses = [], []
        self.core = Core(self.urls, patience_s, patience_s, lambda: self.now)

    def send(self, call, patience_s=180.0, **options):
        """Carry a conversation out to its end."""
        conversation, outcome = self.core.send(call, patience_s, **options), None
        while not isinstance(step := advance(conversation, outcome), Done):
            outcome = self.pause(step) if isinstance(step, Pause) else self.answer(step)
        return step.value

    def pause(self, step):
        self.pauses.append((len(self.asked), step.seconds))
        self.now += step.seconds

    def answer(self, step):
        self.asked.append(step.url)
        found = next(self.scripts[step.url])
        if isinstance(found, Exception):
            return Failed(found)
        status, headers = found
        problem = {"type": "no-data-available" if status == 404 else "unavailable", "detail": f"{status}"}
        headers = {**headers, "content-type": "application/problem+json"}
        return httpx.Response(status, json=problem, headers=headers, request=httpx.Request("GET", step.url))


def asked_for_s(outcome):
    return float(outcome[1].get("retry-after", 0)) if isinstance(outcome, tuple) else 0.0


scripts_of_nodes = st.integers(1, 4).flatmap(
    lambda number: st.lists(st.lists(for_now, min_size=number, max_size=number), max_size=8)
)


@given(st.floats(0, 300), st.lists(st.floats(0, 20), min_size=1, max_size=40), st.floats(0, 1))
def test_pauses_grow_keep_to_what_the_node_asks_and_end_with_the_patience(patience_s, asked, luck):
    """Never shorter than Retry-After; without it from half to the whole of 0.1, 0.2, 0.4 … 2 s; never past the end."""
    retry, now, longest_s = Retry(patience_s, 0.0, lambda: luck), 0.0, FIRST_PAUSE_S
    for asked_s in asked:
        pause_s = retry.pause_s(now, asked_s)
        if pause_s is None:
            assert now + max(longest_s, asked_s) > patience_s
            return
        assert pause_s >= asked_s
        assert longest_s / 2 <= pause_s <= max(longest_s, asked_s)
        now += pause_s
        longest_s = min(2 * longest_s, LONGEST_PAUSE_S)
        assert now <= patience_s


@given(scripts_of_nodes, st.sampled_from([GET, FEED]))
def test_what_may_be_repeated_is_asked_of_every_node_in_every_round_until_one_answers(rounds, call):
    """No node twice in a round, no pause within one, and after one at least as long as the soonest node asks for."""
    number = len(rounds[0]) if rounds else 1
    nodes = Nodes(*([script[n] for script in rounds] + [OK] for n in range(number)))

    assert nodes.send(call).status_code == 200

    assert len(nodes.asked) == number * len(rounds) + 1
    for n, outcomes in enumerate(rounds):
        assert sorted(nodes.asked[n * number : (n + 1) * number]) == sorted(nodes.urls)
        place, pause_s = nodes.pauses[n]
        assert place == (n + 1) * number
        soonest_s = min(map(asked_for_s, outcomes))
        assert soonest_s <= pause_s <= max(soonest_s, LONGEST_PAUSE_S)


@given(st.lists(for_now, min_size=1, max_size=4))
def test_an_order_is_not_given_again_where_it_may_have_been_carried_out(outcomes):
    """Only a node that was not reached, or that said no, is followed by another; there is no second round."""
    nodes = Nodes(*([outcome, OK] for outcome in outcomes))

    with pytest.raises(KillrWeatherError) as raised:
        nodes.send(ORDER)

    lost = next((n for n, outcome in enumerate(outcomes) if outcome is CUT_OFF), None)
    assert nodes.asked == nodes.urls[: len(outcomes) if lost is None else lost + 1]
    assert nodes.pauses == []
    assert isinstance(raised.value, Unavailable) == (lost is None)
    assert ("may have been carried out" in str(raised.value)) == (lost is not None)


def test_a_failure_that_trying_again_does_not_mend_is_raised_at_once():
    """No other node knows more about data that is not there."""
    nodes = Nodes([NO_DATA, OK], [OK])

    with pytest.raises(NoData):
        nodes.send(GET)

    assert nodes.asked == ["http://n0"]


def test_the_patience_ends_with_the_last_refusal():
    """As long as it lasts and no longer; the text is the node's."""
    nodes = Nodes([(503, {"retry-after": "7"})] * 9)

    with pytest.raises(Unavailable, match="503"):
        nodes.send(FEED, 20.0)

    assert [pause_s for _, pause_s in nodes.pauses] == [7.0, 7.0]


def test_the_node_that_answered_last_is_asked_first_the_next_time():
    """One that was away does not cost every call a try."""
    nodes = Nodes([NOT_REACHED], [OK, OK])
    nodes.send(GET)
    nodes.send(GET)

    assert nodes.asked == ["http://n0", "http://n1", "http://n1"]


def test_calls_that_fail_side_by_side_leave_the_same_node_once():
    """The second does not bring the client back to the node that both have left."""
    core = Core(["http://n0", "http://n1", "http://n2"], 1.0, 1.0)
    core.leave("http://n0")
    core.leave("http://n0")

    assert next(core.send(GET)).url == "http://n1"


def test_a_retry_after_that_is_a_date_counts_from_now():
    """RFC 9110 allows both forms; a date that is past asks for nothing, and nonsense for a second."""
    dates = ["Fri, 01 Jan 2100 00:00:00 GMT", "Sat, 01 Jan 2000 00:00:00 GMT", "soon"]
    waits = []
    for date in dates:
        with pytest.raises(Unavailable) as raised:
            Nodes([(503, {"retry-after": date})]).send(GET, 0.0)
        waits.append(raised.value.retry_after_s)

    assert waits[0] > 1e9
    assert waits[1:] == [0.0, 1.0]


def test_a_certificate_that_is_not_accepted_is_no_absence():
    """Another try, or another node, would mend nothing."""
    nodes = Nodes([httpx.ConnectError("[SSL: CERTIFICATE_VERIFY_FAILED] self-signed")], [OK])

    with pytest.raises(Refused, match=r"http\.tls\.ca_file"):
        nodes.send(GET)

    assert nodes.asked == ["http://n0"]


@pytest.mark.parametrize("url", ["", "127.0.0.1:8080", "ftp://n1", "http://", []])
def test_an_address_that_cannot_be_one_is_named_when_the_client_is_made(url):
    """Not after minutes of patience with it."""
    with pytest.raises(BadRequest, match=r"expected an address such as|needs the address"):
        Core(url, 1.0, 1.0)


def test_a_node_that_does_not_speak_tls_is_said_to_be_so():
    """One is running there, so another try would not mend anything."""
    nodes = Nodes([httpx.ConnectError("[SSL: WRONG_VERSION_NUMBER] wrong version number")])

    with pytest.raises(Refused, match="http://n0 answers without TLS: expected an address that begins with http://"):
        nodes.send(GET)


def test_a_connection_that_does_not_come_about_is_given_up_long_before_an_answer():
    """So that a node which is cut off does not keep a client from the others."""
    timeouts = [http_options(None, timeout_s, None)["timeout"] for timeout_s in (60.0, 0.7)]

    assert [(timeout.connect, timeout.read) for timeout in timeouts] == [(5.0, 60.0), (0.7, 0.7)]
