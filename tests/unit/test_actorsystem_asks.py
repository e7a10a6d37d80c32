"""Questions: one value for each, matched by id, within the credit, asked again when the asked one dies."""

import pytest
from thespian.actors import ActorAddress

from killrweather.actorsystem.asks import Asks
from killrweather.actorsystem.credit import BACKLOG, WINDOW
from killrweather.messages.control import Answer, Peer, Peers, RequestFailed

HERE, THERE, GUARDIAN = ActorAddress("here"), ActorAddress("there"), ActorAddress("guardian")


class Outbox:
    """Asks on a clock that stands still, with what it sends and what it settles."""

    def __init__(self):
        self.now, self.sent, self.values, self.version = 0.0, [], [], 0
        self.asks = Asks(lambda peer, ask: self.sent.append((peer.address, ask)), clock=lambda: self.now)

    def peers(self, **members):
        self.version += 1
        table = {name: tuple(Peer(str(a), a) for a in addresses) for name, addresses in members.items()}
        self.asks.set_peers(Peers(self.version, table))

    def routed(self, answerers, **members):
        """A table in which "guardian" routes."""
        self.version += 1
        table = {name: tuple(Peer(str(a), a) for a in addresses) for name, addresses in members.items()}
        table["guardian"] = (Peer("guardian", GUARDIAN),)
        self.asks.set_peers(Peers(self.version, table, "guardian", answerers))

    def ask(self, target, message="?"):
        self.asks.ask(target, message, self.values.append, 10.0)


@pytest.fixture
def out():
    return Outbox()


def test_an_answer_reaches_its_question_and_only_once(out):
    """A repeated or unknown answer is dropped."""
    out.ask(HERE)
    [(address, ask)] = out.sent
    for key in (ask.id, ask.id, "unknown"):
        out.asks.answered(Answer(key, "value"))

    assert (address, out.values, len(out.asks)) == (HERE, ["value"], 0)


def test_a_question_has_its_deadline(out):
    """After the time-out the asker has RequestFailed, and a late answer changes nothing."""
    out.ask(HERE)
    out.now = 9.9
    out.asks.expire()
    assert out.values == []
    out.now = 10.0
    out.asks.expire()
    out.asks.answered(Answer(out.sent[0][1].id, "late"))

    assert [value.kind for value in out.values] == ["timed-out"]


def test_two_actors_never_have_the_same_ids(out):
    """A new incarnation cannot take an answer to the old one for its own."""
    other = Outbox()
    out.ask(HERE)
    other.ask(HERE)

    assert out.sent[0][1].id != other.sent[0][1].id


def test_a_name_that_no_actor_has_is_refused_at_once(out):
    """The answer names it, and what there is."""
    out.peers(temperature=[HERE])
    out.ask("temparature")

    assert out.values == [
        RequestFailed("failed", 'actor "temparature": this node has none, it has temperature'),
    ]


def test_a_question_waits_for_an_actor_that_is_away(out):
    """It is sent when the actor is back."""
    out.peers(temperature=[])
    out.ask("temperature")
    assert out.sent == []
    out.peers(temperature=[THERE])

    assert [address for address, _ in out.sent] == [THERE]


def test_a_dead_actors_questions_go_to_its_successor_with_the_same_id(out):
    """Whoever asked does not notice."""
    out.peers(temperature=[HERE])
    out.ask("temperature")
    out.peers(temperature=[])
    out.peers(temperature=[THERE])
    (_, first), (second_address, second) = out.sent
    out.asks.answered(Answer(second.id, "value"))

    assert (second, second_address, out.values) == (first, THERE, ["value"])


def test_a_question_that_kills_twice_is_not_asked_a_third_time(out):
    """Its asker hears that it did."""
    out.peers(temperature=[HERE])
    out.ask("temperature")
    out.peers(temperature=[THERE])
    out.peers(temperature=[HERE])

    assert [value.kind for value in out.values] == ["unavailable"]
    assert len(out.sent) == 2


def test_an_older_table_never_replaces_a_newer_one(out):
    """Thespian may deliver two messages in the other order."""
    newer = Peers(7, {"temperature": (Peer("2", THERE),)})
    out.asks.set_peers(newer)
    out.asks.set_peers(Peers(6, {"temperature": (Peer("1", HERE),)}))

    assert out.asks.peers == newer


def test_a_question_beyond_the_credit_is_sent_when_one_is_answered(out):
    """At most WINDOW are on their way to one actor."""
    for number in range(100):
        out.ask(HERE, number)
    assert len(out.sent) == WINDOW
    out.asks.answered(Answer(out.sent[0][1].id, "value"))

    assert out.sent[WINDOW][1].message == WINDOW


def test_when_too_many_wait_the_asker_hears_so_at_once(out):
    """Nothing is unbounded."""
    for number in range(WINDOW + BACKLOG + 1):
        out.ask(HERE, number)

    assert [value.kind for value in out.values] == ["unavailable"]


def test_a_pool_shares_the_work(out):
    """Each member gets the question when it has the least to do."""
    out.peers(publisher=[HERE, THERE])
    for number in range(10):
        out.ask("publisher", number)

    assert [a for a, _ in out.sent].count(HERE) == 5


def test_what_the_router_would_pass_on_goes_there_at_once(out):
    """A question that it answers itself, or to another actor, goes where it is addressed."""
    out.routed({"str": "temperature"}, temperature=[HERE], rain=[THERE])
    out.ask("guardian", "passed on")
    out.ask("guardian", 1)
    out.ask("rain", "by name")

    assert [address for address, _ in out.sent] == [HERE, GUARDIAN, THERE]


@pytest.mark.parametrize("members", [{"temperature": []}, {}])
def test_the_router_decides_while_the_answerer_is_away(out, members):
    """It knows whether it will be back, and says so."""
    out.routed({"str": "temperature"}, **members)
    out.ask("guardian")

    assert [address for address, _ in out.sent] == [GUARDIAN]


def test_a_question_whose_answerer_dies_goes_to_the_router_with_the_same_id(out):
    """It passes it on to the successor, or answers that there will be none."""
    out.routed({"str": "temperature"}, temperature=[HERE])
    out.ask("guardian")
    out.routed({"str": "temperature"}, temperature=[])
    (_, first), (address, second) = out.sent
    out.asks.answered(Answer(second.id, "value"))

    assert (address, second, out.values) == (GUARDIAN, first, ["value"])


def test_a_question_by_name_waits_for_its_actor_though_there_is_a_router(out):
    """Only what was asked of the router goes to it."""
    out.routed({"str": "temperature"}, temperature=[HERE])
    out.ask("temperature")
    out.routed({"str": "temperature"}, temperature=[])

    assert [address for address, _ in out.sent] == [HERE]
