"""Who is a member and who owns what: whatever nodes come, go, fall silent and come back, in whatever order."""

from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from killrweather.actorsystem.agreement import agreed
from killrweather.actorsystem.arrangement import Arrangement, Candidate, History, arrange, clock_problem, unrecorded
from killrweather.messages.cluster import (
    Member,
    MemberJoining,
    MemberLeaving,
    MemberRemoved,
    MemberUnreachable,
    MemberUp,
    SingletonMoved,
    ViewFormed,
)
from killrweather.settings import Settings

NOW = datetime(2024, 1, 31, 18, tzinfo=timezone.utc)
LATER = NOW + timedelta(hours=1)
ROLES = ("feed", "stream", "query")


def member(name, roles=ROLES, joined=0, version="1.2.3", process=1):
    return Member(name, f"{name}-{process}", f"http://{name}:8080", roles, version, joined)


def candidate(name, epoch=0, claims=None, agreed=None, seen=None, **fields):
    one = member(name, **fields)
    return Candidate(one, agreed or {}, seen if seen is not None else 9 * bool(one.joined), epoch, claims or {})


def joining(one, at=NOW):
    return MemberJoining(at, one.name, one.id, one.address, one.roles, one.version)


@pytest.mark.parametrize(
    ("broker_s", "words"), [(95.0, None), (94.0, "6 s ahead of"), (101.0, None), (107.0, None), (108.0, "6 s behind")]
)
def test_a_clock_may_differ_from_the_brokers_by_the_limit_and_no_more(broker_s, words):
    """The broker's time lies between the node's own before and after, 100 and 102, when both clocks are right."""
    problem = clock_problem("n1", 100.0, broker_s, 102.0, limit_s=5.0)

    assert (words in problem) if words else problem is None


def test_the_oldest_with_the_role_owns_a_singleton():
    """Age is the view that a node first was in."""
    made = arrange([candidate("a", joined=3, roles=("query",)), candidate("b", joined=5), candidate("c", joined=4)])

    assert made.owners["stream"].id == "c-1"
    assert "alerts" not in made.owners


def test_an_owner_keeps_what_it_owns_though_an_older_node_is_there():
    """A singleton moves only when it must."""
    made = arrange([candidate("a", joined=1), candidate("b", joined=2, epoch=7, claims={"stream": 4})])

    assert (made.owners["stream"].id, made.owners["stream"].epoch) == ("b-1", 4)
    assert made.epoch == 8


def test_of_two_that_claim_a_singleton_the_later_made_owner_is_right():
    """The other one was out of reach when it was replaced."""
    old = candidate("a", joined=1, epoch=4, seen=4, claims={"stream": 1})
    new = candidate("b", joined=2, epoch=9, claims={"stream": 6})

    assert arrange([old, new]).owners["stream"].id == "b-1"


@pytest.mark.parametrize(
    ("newcomer", "words"),
    [
        (candidate("a", process=2), ["node named a is a member already", "http://a:8080", "node.name"]),
        (candidate("b", version="1.3.0"), ["version 1.3.0", "a has 1.2.3"]),
        (candidate("b", agreed={"kafka.topic.raw": "other"}), ["kafka.topic.raw is other here and raw on a"]),
        (candidate("b", agreed={"http.token": "scrypt:1"}), ["http.token is another than a"]),
    ],
)
def test_a_node_that_does_not_fit_is_refused_and_the_rest_undisturbed(newcomer, words):
    """The reason names the setting, both values and the other node; a secret is not shown."""
    settled = {"kafka.topic.raw": "raw", "http.token": "scrypt:0"}
    given = replace(newcomer, agreed={**settled, **newcomer.agreed})
    made = arrange([given, candidate("a", joined=1, epoch=3, claims={"stream": 1}, agreed=settled)])
    name, reason = made.refused[newcomer.member.id]

    assert all(word in reason for word in words), reason
    assert name == newcomer.member.name
    assert "scrypt" not in reason
    assert [one.id for one in made.members] == ["a-1"]
    assert made.owners["stream"].id == "a-1"


def test_a_patch_may_be_rolled_out():
    """Only the first two numbers of the version must agree."""
    assert not arrange([candidate("a", joined=1), candidate("b", version="1.2.4")]).refused


def test_the_token_is_compared_by_a_digest_of_its_own_group():
    """What travels through Kafka does not tell the token, and is the same on all nodes of a group."""
    one = agreed(Settings.model_validate({"http": {"token": "s3cret"}}))
    other_group = agreed(Settings.model_validate({"http": {"token": "s3cret"}, "node": {"group": "other"}}))

    assert "s3cret" not in str(one)
    assert one["http.token"] == agreed(Settings.model_validate({"http": {"token": "s3cret"}}))["http.token"]
    assert one["http.token"] != other_group["http.token"]


def test_the_log_says_who_died_who_left_and_who_took_over():
    """In words of their own, and once."""
    a, b, c = member("a"), member("b"), member("c")
    history = History()
    for event in (
        *(joining(one) for one in (a, b, c)),
        *(MemberUp(NOW, one.name, one.id) for one in (a, b, c)),
        SingletonMoved(NOW, "stream", 1, "a", a.id, None),
        MemberLeaving(NOW, "b", b.id),
    ):
        history = history.after(event)
    made = arrange([candidate("c", joined=1, epoch=1)])
    events = unrecorded(history, made, LATER, 10)

    assert events == [
        ViewFormed(LATER, 2),
        MemberUnreachable(LATER, "a", a.id),
        MemberRemoved(LATER, "b", b.id),
        SingletonMoved(LATER, "stream", 2, "c", c.id, "a"),
    ]
    for event in events:
        history = history.after(event)
    assert history.members[a.id].state == "Down"
    assert unrecorded(history, made, LATER, 10) == []


def test_a_node_that_is_down_is_gone_once_another_has_its_name():
    """It was started again."""
    history = History().after(joining(member("a"))).after(MemberUnreachable(NOW, "a", "a-1"))
    made = arrange([candidate("a", process=2)])

    assert MemberRemoved(LATER, "a", "a-1") in unrecorded(history, made, LATER, 10)


def test_a_node_that_has_just_made_itself_known_is_waited_for():
    """It writes into the log before it joins the group."""
    history = History().after(joining(member("a"))).after(joining(member("b")))
    made = arrange([candidate("a")])

    assert not [e for e in unrecorded(history, made, NOW + timedelta(seconds=1), 10) if getattr(e, "node", "") == "b"]
    assert MemberUnreachable(LATER, "b", "b-1") in unrecorded(history, made, LATER, 10)


def test_a_member_that_comes_back_from_where_nobody_heard_it_is_up_again():
    """It says so itself."""
    history = History().after(joining(member("a"))).after(MemberUnreachable(NOW, "a", "a-1"))

    assert history.after(MemberUp(LATER, "a", "a-1")).members["a-1"].state == "Up"


@given(st.permutations([candidate(name, joined=number % 3, epoch=number) for number, name in enumerate("abcdef")]))
def test_every_leader_comes_to_the_same_arrangement(candidates):
    """Whatever order Kafka lists the members in."""
    assert arrange(candidates) == arrange(reversed(candidates))


class Cluster(RuleBasedStateMachine):
    """Nodes that each remember the last arrangement they heard of, and a log that the leader writes."""

    def __init__(self):
        super().__init__()
        self.known: dict[str, Arrangement] = {}
        self.cut_off: set[str] = set()
        self.processes = 0
        self.history = History()
        self.last = Arrangement(0, (), {}, {})

    def _form(self):
        """The group forms anew of the nodes that can be heard."""
        reachable = [id for id in self.known if id not in self.cut_off]
        if not reachable:
            return
        made = arrange(self._candidate(id) for id in reachable)
        assert made.epoch > max(self.known[id].epoch for id in reachable)
        before = self.last.owners.get("stream")
        if before and before.id in reachable and before.id not in made.refused:
            assert made.owners["stream"].id == before.id
        for id in reachable:
            self.known[id] = made
        for event in unrecorded(self.history, made, LATER, 10):
            self.history = self.history.after(event)
        for id in made.refused:
            del self.known[id]
        self.last = made

    def _candidate(self, id):
        known = self.known[id]
        joined = next((one.joined for one in known.members if one.id == id), 0)
        claims = {name: owner.epoch for name, owner in known.owners.items() if owner.id == id}
        name, process = id.split("-")
        one = member(name, joined=joined, process=int(process))
        granted = {name: moved.epoch for name, moved in self.history.owners.items()}
        return Candidate(one, {}, known.epoch, max(known.epoch, self.history.epoch), claims, granted)

    @rule(name=st.sampled_from("abcd"))
    def start(self, name):
        self.processes += 1
        one = member(name, process=self.processes)
        self.history = self.history.after(joining(one)).after(MemberUp(NOW, one.name, one.id))
        self.known[one.id] = Arrangement(0, (), {}, {})
        self._form()

    @rule(choice=st.integers(0, 9))
    def kill(self, choice):
        if self.known:
            id = sorted(self.known)[choice % len(self.known)]
            del self.known[id]
            self.cut_off.discard(id)
            self._form()

    @rule(choice=st.integers(0, 9))
    def cut(self, choice):
        if self.known:
            self.cut_off.add(sorted(self.known)[choice % len(self.known)])
            self._form()

    @rule()
    def heal(self):
        self.cut_off.clear()
        self._form()

    @invariant()
    def one_owner_that_all_who_can_be_heard_agree_on(self):
        heard = {id: known for id, known in self.known.items() if id not in self.cut_off and known.epoch}
        owners = {known.owners["stream"].id for known in heard.values() if "stream" in known.owners}
        assert len(owners) <= 1
        if heard:
            assert owners <= set(heard)
            assert self.history.owners["stream"].id in owners

    @invariant()
    def names_are_unique_among_the_living(self):
        names = [id.split("-")[0] for id in self.known if id not in self.cut_off]
        assert len(names) == len(set(names))


TestCluster = Cluster.TestCase
