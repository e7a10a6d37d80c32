"""What a node takes for true when what it was told and what has happened disagree."""

from datetime import datetime, timezone

import pytest

from killrweather.actorsystem.arrangement import Arrangement, Ownership
from killrweather.actorsystem.membership import Membership
from killrweather.messages.cluster import Member, SingletonMoved
from killrweather.settings import Settings

NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)


@pytest.mark.parametrize(("epoch", "owns"), [(6, True), (7, True), (8, False)])
def test_a_node_that_was_cut_off_does_not_own_what_was_moved_meanwhile(epoch, owns):
    """It can read the log again before it is in the group again: until then it must not take the stream back."""
    me = Member("west", "west-1", "http://west", ("stream",), "1.0.0")
    membership = Membership(Settings(), me, lambda view: None, lambda event, is_news: None)
    membership.arranged(Arrangement(7, (me,), {"stream": Ownership("west-1", 7)}, {}))
    moved = SingletonMoved(NOW, "stream", epoch, "east", "east-1", "west")
    membership._history = membership._history.after(moved)

    assert membership.view.owns("stream") is owns
