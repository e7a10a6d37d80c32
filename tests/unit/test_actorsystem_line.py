"""Lines between loops: real connections on loopback, two ends in one loop, and no Thespian."""

import asyncio
import struct
import time

import pytest
from thespian.actors import ActorAddress

from killrweather.actorsystem import hardening
from killrweather.actorsystem.line import Line, Wire
from killrweather.messages.control import Answer, Ask, Peer, Peers, RequestFailed
from killrweather.processes import free_port

NOBODY = ActorAddress("nobody")


@pytest.fixture(autouse=True)
def signed(monkeypatch):
    """The serializer that ``harden`` would set."""
    porter = hardening.SignedPickle(b"k" * 32)
    monkeypatch.setattr(hardening, "serializer", lambda: porter)
    return porter


class Ends:
    """An end that asks "far", and one that answers with what ``reply`` says."""

    def __init__(self, reply=lambda message: message):
        self.asked, self.mailed, self.version = [], [], 0
        self.near = Line(lambda ask, wire: None, lambda peer, ask: self.mailed.append((peer, ask)))
        self.far = Line(self._answer, lambda peer, ask: None)
        self._reply = reply

    def _answer(self, ask: Ask, wire: Wire) -> None:
        self.asked.append(ask)
        value = self._reply(ask.message)
        if value is not None:
            wire.answer(Answer(ask.id, value))

    def seat(self, *peers: Peer) -> None:
        self.version += 1
        self.near.set_peers(Peers(self.version, {"far": peers}))

    async def open(self) -> "Ends":
        self.seat(Peer("far/1", NOBODY, await self.far.open()))
        return self

    async def ask(self, message, timeout_s=5.0):
        return await self.near.request("far", message, timeout_s)


def test_each_question_gets_its_own_answer():
    """A hundred at once over one connection, in their order."""

    async def scenario():
        ends = await Ends().open()
        return await asyncio.gather(*(ends.ask(number) for number in range(100))), ends.asked

    answers, asked = asyncio.run(scenario())

    assert answers == [ask.message for ask in asked] == list(range(100))


def test_a_large_message_arrives_whole():
    """It comes in many pieces."""

    async def scenario():
        return await (await Ends(len).open()).ask(b"x" * 5_000_000)

    assert asyncio.run(scenario()) == 5_000_000


def test_a_question_that_is_not_answered_has_its_deadline():
    """The asker hears so, although nothing else happens in the loop."""

    async def scenario():
        return await (await Ends(lambda message: None).open()).ask("?", 0.05)

    assert asyncio.run(scenario()).kind == "timed-out"


@pytest.mark.parametrize(("question", "reply"), [(lambda: 0, str), ("?", lambda message: lambda: 0)])
def test_what_cannot_travel_is_a_failure_and_the_line_goes_on(question, reply):
    """A function is no message, neither as a question nor as an answer."""

    async def scenario():
        ends = await Ends(lambda message: reply(message) if message == "?" else message).open()
        return await ends.ask(question), await ends.ask("again")

    failure, again = asyncio.run(scenario())

    assert (failure.kind, again) == ("failed", "again")
    assert "cannot travel" in failure.text


def test_an_answer_that_is_refused_where_it_arrives_costs_itself_only():
    """Its class is not on the allow-list; other questions on the same line are answered."""

    async def scenario():
        ends = await Ends(lambda message: open if message == "?" else message).open()
        await ends.ask("first")
        return await asyncio.gather(ends.ask("?", 0.2), ends.ask("again"))

    refused, again = asyncio.run(scenario())

    assert (refused.kind, again) == ("timed-out", "again")


def test_an_actor_without_a_line_is_asked_by_mail():
    """Its answer comes by mail too."""

    async def scenario():
        ends = Ends()
        ends.seat(Peer("far/1", NOBODY))
        question = asyncio.ensure_future(ends.ask("?"))
        await asyncio.sleep(0)
        [(peer, ask)] = ends.mailed
        ends.near.answered(Answer(ask.id, "by mail"))
        return peer.address, await question

    assert asyncio.run(scenario()) == (NOBODY, "by mail")


def test_a_question_to_a_dead_process_is_asked_of_its_successor():
    """Nobody listens there; the supervisor then tells where the successor is."""

    async def scenario():
        ends = Ends()
        ends.seat(Peer("far/1", NOBODY, free_port()))
        question = asyncio.ensure_future(ends.ask("?"))
        await asyncio.sleep(0.05)
        assert not question.done()
        ends.seat(Peer("far/2", NOBODY, await ends.far.open()))
        return await question, [ask.message for ask in ends.asked]

    assert asyncio.run(scenario()) == ("?", ["?"])


def test_after_a_restart_an_answer_to_the_old_incarnation_is_dropped():
    """The new one's own question is answered."""

    async def scenario():
        ends = await Ends(lambda message: None if message == "old" else message).open()
        old = asyncio.ensure_future(ends.ask("old"))
        await asyncio.sleep(0.05)
        ends.near.renew(Peers(9, {"far": (Peer("far/1", NOBODY, await ends.far.open()),)}))
        ends.near.answered(Answer(ends.asked[0].id, "late"))
        new = await ends.ask("new")
        return old.done(), new

    assert asyncio.run(scenario()) == (False, "new")


@pytest.mark.parametrize(
    "attack",
    [
        b"junk" * 99,
        struct.pack("!I", 100) + b"x" * 100,
        struct.pack("!I", hardening.MAX_MESSAGE_BYTES + 1),
        b"480>" + b"x" * 480,
    ],
)
def test_whoever_has_no_key_is_hung_up_on(attack):
    """Nothing of it is handed on."""

    async def scenario():
        ends = Ends()
        reader, writer = await asyncio.open_connection("127.0.0.1", await ends.far.open())
        writer.write(attack)
        try:
            ending = await asyncio.wait_for(reader.read(), 5.0)
        except ConnectionResetError:
            ending = b""
        writer.close()
        return ending, ends.asked

    assert asyncio.run(scenario()) == (b"", [])


def test_messages_that_arrive_byte_by_byte_are_put_together(signed):
    """Two, so that the end of the first is found."""
    frames = b"".join(
        struct.pack("!I", len(data)) + data
        for data in (signed.dumps(Answer(key, RequestFailed("failed", "text"))) for key in "ab")
    )
    received = []
    wire = Wire(lambda message, wire: received.append(message.id))
    for place in range(len(frames)):
        wire.data_received(frames[place : place + 1])

    assert received == ["a", "b"]


def test_a_line_to_an_actor_that_is_gone_is_made_anew():
    """The same process answers on a new connection."""

    async def scenario():
        ends = await Ends().open()
        first = await ends.ask("first")
        [wire] = ends.near._wires.values()
        wire._transport.abort()
        before = time.monotonic()
        while ends.near._wires and time.monotonic() < before + 5.0:
            await asyncio.sleep(0.001)
        return first, await ends.ask("second")

    assert asyncio.run(scenario()) == ("first", "second")
