"""What a node takes for true when what it was told and what has happened disagree."""

import asyncio
from datetime import datetime, timezone

import pytest

from killrweather.actorsystem import membership as module
from killrweather.actorsystem.arrangement import Arrangement, Ownership
from killrweather.actorsystem.membership import Membership
from killrweather.errors import Unavailable
from killrweather.messages.cluster import Member, SingletonMoved
from killrweather.settings import Settings

NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)
ME = Member("west", "west-1", "http://west", ("stream",), "1.0.0")


def membership_of(member):
    return Membership(Settings(), member, lambda view: None, lambda event, is_news: None)


class SilentLog:
    """Kafka does not acknowledge an event in time."""

    async def write(self, event):
        raise asyncio.TimeoutError("not acknowledged")


@pytest.mark.parametrize(("epoch", "owns"), [(6, True), (7, True), (8, False)])
def test_a_node_that_was_cut_off_does_not_own_what_was_moved_meanwhile(epoch, owns):
    """It can read the log again before it is in the group again: until then it must not take the stream back."""
    membership = membership_of(ME)
    membership.arranged(Arrangement(7, (ME,), {"stream": Ownership("west-1", 7)}, {}))
    moved = SingletonMoved(NOW, "stream", epoch, "east", "east-1", "west")
    membership._history = membership._history.after(moved)

    assert membership.view.owns("stream") is owns


@pytest.mark.parametrize("order", [Membership.leaving, lambda one: one.forget(ME)])
def test_what_kafka_does_not_take_down_in_time_is_refused_and_ends_no_membership(order):
    """Whoever ordered it is told to try again; an error of another kind would start the actor anew."""
    membership = membership_of(ME)
    membership._opened = module._Clients(SilentLog(), None)

    with pytest.raises(Unavailable, match="does not answer: not acknowledged"):
        asyncio.run(order(membership))
