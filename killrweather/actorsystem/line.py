"""Direct lines between the loops of actors: what coroutines ask each other passes neither Thespian nor a mailbox.

Asked by mail, a question and its answer are two messages of Thespian's and four changes of thread: 1.2 ms when nothing
else runs, by a line 0.15. A line is a connection on loopback that stays. What goes over it is signed and held to the
allow-list like every message; credit, deadlines and repetition are those of ``Asks``.
"""

import asyncio
import logging
import struct
from collections.abc import Callable
from contextvars import Context
from typing import Any, cast

from killrweather.actorsystem import hardening
from killrweather.actorsystem.asks import Asks
from killrweather.messages.control import Answer, Ask, Peer, Peers, RequestFailed
from killrweather.processes import LOOPBACK

EXPIRY_INTERVAL_S = 0.1
_LENGTH = struct.Struct("!I")
_log = logging.getLogger(__name__)


def cannot_travel(message: Any) -> RequestFailed:
    """The answer to a question that pickle refuses, or that is answered with what it refuses."""
    return RequestFailed("failed", f"{type(message).__name__} cannot travel between processes")


class Wire(asyncio.Protocol):
    """One end of a line, in the loop. What is sent before it stands is sent then."""

    def __init__(self, received: Callable[[Any, "Wire"], None], lost: Callable[["Wire"], None] = lambda wire: None):
        self._received, self._lost = received, lost
        self._transport: asyncio.WriteTransport | None = None
        self._early: list[bytes] = []
        self._buffer = bytearray()
        self._has_key = False

    def send(self, message: Ask | Answer) -> None:
        """Send a message; raises what pickle does when something in it cannot travel."""
        data = hardening.serializer().dumps(message)
        frame = (_LENGTH.pack(len(data)), data)
        if self._transport is None:
            self._early.extend(frame)
        else:
            self._transport.writelines(frame)

    def answer(self, answer: Answer) -> None:
        """Send an answer, or else that it cannot travel."""
        try:
            self.send(answer)
        except Exception:
            _log.exception("an answer could not be sent")
            self.send(Answer(answer.id, cannot_travel(answer.value)))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send what has waited."""
        self._transport = cast(asyncio.WriteTransport, transport)
        self._transport.writelines(self._early)
        self._early.clear()

    def connection_lost(self, error: Exception | None) -> None:
        """The other end is gone."""
        self._lost(self)

    def data_received(self, data: bytes) -> None:
        """Hand on each message that is complete; hang up on whoever has not shown yet that it has the key."""
        self._buffer += data
        while len(self._buffer) >= _LENGTH.size:
            [length] = _LENGTH.unpack_from(self._buffer)
            end = _LENGTH.size + length
            if length > hardening.MAX_MESSAGE_BYTES:
                self._hang_up(f"a message of {length} bytes; at most {hardening.MAX_MESSAGE_BYTES} are allowed")
                return
            if len(self._buffer) < end:
                return
            frame = bytes(memoryview(self._buffer)[_LENGTH.size : end])
            del self._buffer[:end]
            try:
                message = hardening.serializer().loads(frame)
            except Exception as error:
                reason = f"{type(error).__name__}: {error}"
                if not self._has_key:
                    self._hang_up(reason)
                    return
                _log.error("a message is dropped", extra={"reason": reason})
            else:
                self._has_key = True
                self._received(message, self)

    def _hang_up(self, reason: str) -> None:
        _log.error("a line is closed", extra={"reason": reason})
        self._buffer.clear()
        cast(asyncio.WriteTransport, self._transport).abort()


class Line:
    """Where an actor's loop is asked, and what its coroutines ask; every method is called in the loop.

    ``asked`` gets each question and the wire to answer by; ``mail`` takes those to actors that have no line.
    """

    def __init__(self, asked: Callable[[Ask, Wire], None], mail: Callable[[Peer, Ask], None]):
        self._asked, self._mail = asked, mail
        self._wires: dict[str, Wire] = {}
        self._connecting: set[asyncio.Task[Any]] = set()
        self._is_expiring = False
        self._asks = Asks(self._send)

    async def open(self) -> int:
        """Listen; returns the port. Whoever asks there has this system's key."""
        server = await asyncio.get_running_loop().create_server(lambda: Wire(self._asked), LOOPBACK, 0)
        port: int = server.sockets[0].getsockname()[1]
        return port

    def renew(self, peers: Peers) -> None:
        """Forget what was asked; ``peers`` are where the others are."""
        self._asks = Asks(self._send)
        self._asks.set_peers(peers)

    def set_peers(self, peers: Peers) -> None:
        """See Asks."""
        self._asks.set_peers(peers)

    def answered(self, answer: Answer) -> None:
        """Take an answer; also one that came by mail."""
        self._asks.answered(answer)

    async def request(self, target: Any, message: Any, timeout_s: float) -> Any:
        """Ask another actor and wait for the answer, or RequestFailed."""
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

        def settle(value: Any) -> None:
            if not answer.done():
                answer.set_result(value)

        self._asks.ask(target, message, settle, timeout_s)
        self._watch_deadlines()
        return await answer

    def _send(self, peer: Peer, ask: Ask) -> None:
        if peer.line is None:
            self._mail(peer, ask)
            return
        wire = self._wires.get(peer.key) or self._connect(peer.key, peer.line)
        try:
            wire.send(ask)
        except Exception:
            _log.exception("a question could not be sent")
            failure = Answer(ask.id, cannot_travel(ask.message))
            asyncio.get_running_loop().call_soon(self.answered, failure)  # it is not known yet that it was sent

    def _connect(self, key: str, port: int) -> Wire:
        def drop(wire: Wire) -> None:
            """Its actor died: the supervisor says so, and where the successor is."""
            if self._wires.get(key) is wire:
                del self._wires[key]

        def connected(task: "asyncio.Task[Any]") -> None:
            self._connecting.discard(task)
            if task.cancelled() or task.exception():
                drop(wire)

        wire = self._wires[key] = Wire(lambda answer, wire: self.answered(answer), drop)
        loop = asyncio.get_running_loop()
        # In a context of its own: a line outlives the request that is the first to need it.
        task = Context().run(loop.create_task, loop.create_connection(lambda: wire, LOOPBACK, port))
        self._connecting.add(task)
        task.add_done_callback(connected)
        return wire

    def _watch_deadlines(self) -> None:
        if self._asks and not self._is_expiring:
            self._is_expiring = True
            asyncio.get_running_loop().call_later(EXPIRY_INTERVAL_S, self._expire)

    def _expire(self) -> None:
        self._is_expiring = False
        self._asks.expire()
        self._watch_deadlines()
