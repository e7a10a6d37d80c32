"""Questions without an answer yet: each gets one, from whoever is first, and no second."""

from hypothesis import given
from hypothesis import strategies as st
from thespian.actors import ActorAddress

from killrweather.actorsystem.line import Wire
from killrweather.actorsystem.replies import Replies
from killrweather.actorsystem.stash import Stash
from killrweather.messages.control import Ask

ASKER = ActorAddress("asker")


def asked(key):
    return Ask(key, "?", float("inf"))


class Answered:
    """The replies of one actor, and the answers that went each way."""

    def __init__(self):
        self.mailed, self.by_line = [], []
        self.replies = Replies(
            lambda asker, answer: self.mailed.append((asker, answer.id)),
            lambda wire, answer: self.by_line.append((wire, answer.id)),
        )


@given(st.lists(st.tuples(st.integers(0, 2), st.sampled_from(["answer", "claim", "release", "refuse all"]))))
def test_whatever_is_done_with_a_question_it_is_settled_once(steps):
    """Answered here, in the loop, or by somebody else; a restart refuses only what is left."""
    actor = Answered()
    open_ones = [actor.replies.open(asked(str(key)), ASKER) for key in range(3)]
    expected, settled = [], set()
    for key, step in steps:
        if step == "refuse all":
            expected += [str(left) for left in range(3) if left not in settled]
            actor.replies.refuse_all("is stopping")
            settled = {0, 1, 2}
            continue
        if step == "answer":
            expected += [str(key)] if key not in settled else []
            open_ones[key]("yes")
        elif step == "claim":
            assert open_ones[key].claim() is (key not in settled)
        else:
            actor.replies.release(open_ones[key])
        settled.add(key)

    assert sorted(key for _, key in actor.mailed) == sorted(expected)
    assert len(actor.replies) == 3 - len(settled)


def test_an_answer_goes_the_way_the_question_came():
    """By the line, which any thread may do, or by mail."""
    actor, wire = Answered(), Wire(lambda *_: None)
    actor.replies.open(asked("1"), wire)("yes")
    actor.replies.open(asked("2"), ASKER)("yes")

    assert (actor.by_line, actor.mailed) == ([(wire, "1")], [(ASKER, "2")])


def test_what_waits_is_refused_to_whoever_asked_first():
    """A question that was passed on, too; a message that nobody waits for is forgotten."""
    actor = Answered()
    stash = Stash(actor.replies)
    stash.keep(asked("1"), ASKER)
    stash.keep("a fact", ASKER)
    stash.keep(Ask("2", "?", float("inf"), reply_to=ActorAddress("first")), ASKER)
    stash.refuse_all("is stopping")

    assert (actor.mailed, len(stash)) == ([(ASKER, "1"), (ActorAddress("first"), "2")], 0)
