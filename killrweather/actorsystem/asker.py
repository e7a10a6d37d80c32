"""An actor as the one who asks: by mail from its own thread, by a line from its loop."""

from collections.abc import Callable
from functools import partial
from typing import Any

from killrweather.actorsystem.asks import Asks, Then
from killrweather.actorsystem.bridge import LoopBridge
from killrweather.actorsystem.line import Line, Wire
from killrweather.messages.control import Answer, Ask, Peer, Peers


class Asker:
    """Keeps both ways in step: where the others are, whose an answer is, and what a restart forgets.

    All but ``by_line`` is for the actor's thread. There ``mail`` sends a question and ``settle`` calls a ``then`` with
    its answer; ``asked`` takes, in the loop, what others ask by the line; ``bridge`` gives the loop.
    """

    def __init__(
        self,
        mail: Callable[[Peer, Ask], None],
        settle: Callable[[Then, Any], None],
        asked: Callable[[Ask, Wire], None],
        bridge: Callable[[], LoopBridge],
    ):
        self._mail, self._settle, self._asked, self._bridge = mail, settle, asked, bridge
        self._line: Line | None = None
        self._port: int | None = None
        self.by_mail = Asks(mail, settle)

    @property
    def by_line(self) -> Line:
        """What the actor's coroutines ask with; the loop's."""
        if self._line is None:
            self._line = Line(self._asked, partial(self._bridge().post, self._mail))
            self._line.set_peers(self.by_mail.peers)
        return self._line

    def open_line(self) -> int:
        """Have the loop listen, if it does not yet; returns the port."""
        if self._port is None:
            self._port = self._bridge().wait_for(self.by_line.open())
        return self._port

    def set_peers(self, peers: Peers) -> None:
        """Take a new table of addresses."""
        self.by_mail.set_peers(peers)
        if self._line:
            self._in_loop(self._line.set_peers, peers)

    def answered(self, answer: Answer) -> None:
        """Take an answer that came by mail: the question may have been a coroutine's."""
        if self._line and answer.id not in self.by_mail:
            self._in_loop(self._line.answered, answer)
        else:
            self.by_mail.answered(answer)

    def forget(self) -> None:
        """Wait for no answer any more."""
        peers = self.by_mail.peers
        self.by_mail = Asks(self._mail, self._settle)
        self.by_mail.set_peers(peers)
        if self._line:
            self._in_loop(self._line.renew, peers)

    def _in_loop(self, function: Callable[..., None], *arguments: Any) -> None:
        self._bridge().loop.call_soon_threadsafe(function, *arguments)
