"""The credit pool: least outstanding first, never more than the window, nothing lost and nothing unbounded."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from killrweather.actorsystem.credit import WINDOW, BacklogFull, CreditPool

MEMBERS = ["a", "b", "c"]


def pool_of(*members, **options):
    pool = CreditPool(**options)
    pool.set_members(members)
    return pool


def test_work_goes_to_whoever_has_the_least_to_do():
    """A member that settles its work gets the next piece, whatever the others have."""
    pool = pool_of("a", "b")
    for number in range(4):
        pool.offer(str(number), number)
    first = dict((work, member) for member, work in pool.due())
    for number in (n for n, member in first.items() if member == "a"):
        pool.settle(str(number))
    pool.offer("next", "next")

    assert sorted(first.values()) == ["a", "a", "b", "b"]
    assert list(pool.due()) == [("a", "next")]


def test_no_more_than_the_window_is_on_its_way():
    """One piece more waits until one of those is settled."""
    pool = pool_of("a")
    for number in range(WINDOW + 1):
        pool.offer(str(number), number)

    assert len(list(pool.due())) == WINDOW
    pool.settle("7")
    assert list(pool.due()) == [("a", WINDOW)]


def test_too_much_waiting_work_is_refused():
    """A backlog has an end; the caller hears of it."""
    pool = pool_of(backlog=1)
    pool.offer("1", 1)

    with pytest.raises(BacklogFull):
        pool.offer("2", 2)


def test_the_work_of_a_dead_member_goes_to_another_before_what_waits():
    """What was begun comes first, in its order."""
    pool = pool_of("a", window=2)
    for number in range(3):
        pool.offer(str(number), number)
    list(pool.due())

    assert pool.set_members(["b"]) == []
    assert list(pool.due()) == [("b", 0), ("b", 1)]


def test_work_whose_members_keep_dying_is_given_up():
    """A piece that killed two members does not get a third."""
    pool = pool_of("a")
    pool.offer("poison", None)
    list(pool.due())
    pool.set_members(["b"])
    list(pool.due())

    assert pool.set_members(["c"]) == ["poison"]
    assert pool.is_idle


def test_work_waits_for_its_first_member():
    """A pool without members keeps what it is given."""
    pool = pool_of()
    pool.offer("1", 1)

    assert list(pool.due()) == []
    pool.set_members(["a"])
    assert list(pool.due()) == [("a", 1)]


class AnyHistory(RuleBasedStateMachine):
    """Whatever happens, each accepted piece is waiting, with one living member, settled or given up; exactly one."""

    def __init__(self):
        super().__init__()
        self.pool = CreditPool(window=3, backlog=5)
        self.members, self.at, self.waiting, self.count = [], {}, set(), 0

    @rule()
    def offer(self):
        self.count += 1
        key = str(self.count)
        try:
            self.pool.offer(key, key)
            self.waiting.add(key)
        except BacklogFull:
            assert len(self.waiting) >= 5

    @rule()
    def hand_out(self):
        for member, key in self.pool.due():
            assert member in self.members
            assert key in self.waiting
            self.waiting.discard(key)
            self.at[key] = member

    @precondition(lambda self: self.at or self.waiting)
    @rule(data=st.data())
    def settle(self, data):
        key = data.draw(st.sampled_from(sorted({*self.at, *self.waiting})))
        self.pool.settle(key)
        self.at.pop(key, None)
        self.waiting.discard(key)

    @rule(members=st.lists(st.sampled_from(MEMBERS), unique=True))
    def change_members(self, members):
        lost = {key for key, member in self.at.items() if member not in members}
        given_up = set(self.pool.set_members(members))
        assert given_up <= lost
        self.waiting |= lost - given_up
        self.members = members
        for key in lost:
            del self.at[key]

    @invariant()
    def nothing_is_lost_and_the_window_holds(self):
        assert self.pool.waiting == len(self.waiting)
        for member in MEMBERS:
            held = sum(1 for m in self.at.values() if m == member)
            assert self.pool.outstanding(member) == held <= 3


TestAnyHistory = AnyHistory.TestCase
TestAnyHistory.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
