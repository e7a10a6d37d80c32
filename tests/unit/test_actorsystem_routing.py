"""The way of a message to children: shared out, kept, told to all, or refused with the reason."""

import pytest
from thespian.actors import ActorAddress

from killrweather.actorsystem.children import ChildSpec, Pool
from killrweather.actorsystem.routing import Router
from killrweather.messages.control import Answer, Ask, RequestFailed, Started

ASKER = ActorAddress("asker")


class Routed:
    """A router over pools of children that started and died as the test says, and what it has sent to whom."""

    def __init__(self, *specs):
        self.now, self.sent = 0.0, []
        self.pools = {spec.name: Pool.of(spec) for spec in specs}
        self.router = Router(self.pools, lambda target, message: self.sent.append((target, message)), lambda: self.now)

    def start(self, pool, number=0, handles=()):
        child = self.pools[pool].members[number]
        child.starts_anew(self.now)
        child.has_started(Started(child.name, 1, 1), ActorAddress(child.name), self.now)
        self.pools[pool].handles = frozenset(handles)
        self.router.send_waiting(child)
        return child

    def to(self, name):
        return [message for address, message in self.sent if address == ActorAddress(name)]


def test_a_pool_s_members_take_turns():
    """Whoever does not run is passed over."""
    routed = Routed(ChildSpec("a", "x.A", pool=3))
    routed.start("a", 0), routed.start("a", 2)
    for number in range(4):
        assert routed.router.route("a", number) is None

    assert (routed.to("a-1"), routed.to("a-2"), routed.to("a-3")) == ([1, 3], [], [0, 2])


def test_what_waits_is_sent_in_its_order_to_the_first_that_starts():
    """And only once."""
    routed = Routed(ChildSpec("a", "x.A", pool=2))
    routed.pools["a"].members[0].starts_anew(0.0)
    routed.router.route("a", 1), routed.router.route("a", 2)
    routed.start("a", 1), routed.start("a", 0)

    assert (routed.to("a-1"), routed.to("a-2")) == ([], [1, 2])


def test_what_waits_is_refused_when_the_last_of_a_pool_is_stopped():
    """With its last error; not while another one may still start."""
    routed = Routed(ChildSpec("a", "x.A", pool=2))
    one, other = routed.pools["a"].members
    one.starts_anew(0.0), other.starts_anew(0.0)
    routed.router.route("a", Ask("1", "?", 9.0, ASKER))
    one.state = "stopped"
    routed.router.refuse_waiting(one)
    assert routed.sent == []
    other.state, other.last_error = "stopped", "no disk"
    routed.router.refuse_waiting(other)

    failure = RequestFailed("unavailable", 'actor "a" is away: no disk', retry_after_s=1.0)
    assert routed.to("asker") == [Answer("1", failure)]


@pytest.mark.parametrize(("only", "hear"), [(None, ["a", "c"]), ("c", ["c"])])
def test_a_fact_goes_to_all_that_run_and_have_a_handler(only, hear):
    """Or to the one of them that has just started."""
    routed = Routed(*(ChildSpec(name, "x.A") for name in "abcd"))
    routed.start("a", handles=["str"])
    routed.start("b", handles=["int"])
    routed.start("c", handles=["str"])
    routed.pools["d"].handles = frozenset(["str"])
    routed.router.publish("fact", only)

    assert [name for name in "abcd" if routed.to(name)] == hear


def test_of_a_process_that_died_only_they_hear_who_still_wait():
    """A question whose deadline is past has been given up."""
    routed = Routed(ChildSpec("a", "x.A"))
    child = routed.start("a")
    for key, deadline in (("late", 1.0), ("open", 3.0)):
        routed.router.route("a", Ask(key, "?", deadline, ASKER))
    routed.now = 2.0
    routed.router.fail_asked(child)
    routed.router.fail_asked(child)

    assert [answer.id for answer in routed.to("asker")] == ["open"]
