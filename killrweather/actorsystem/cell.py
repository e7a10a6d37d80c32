"""The process of an actor: it keeps the mail while the actor is started, failed or restarted, and never fails itself.

Thespian creates every actor as an ``ActorCell``, which the parent may import because it is light. ``Start`` tells the
cell whom to become: only then, in the actor's own process, the actor's class and all it imports are loaded.

Thespian 4.0.1 runs a handler that raised a second time and tells neither parent nor supervisor; so the cell catches
everything, tells the supervisor, and waits, suspended, for its directive.
"""

import inspect
import logging
import os
import time
import traceback
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from importlib import import_module
from typing import Any, Literal, cast

from thespian.actors import (
    Actor,
    ActorAddress,
    ActorExitRequest,
    PoisonMessage,
    WakeupMessage,
    WatchMessage,
)

from killrweather.actorsystem.actor import AsyncActor, ManagedActor, Timer
from killrweather.actorsystem.asks import Asks, Then
from killrweather.actorsystem.bridge import LoopBridge
from killrweather.actorsystem.line import EXPIRY_INTERVAL_S, Line, Wire, cannot_travel
from killrweather.actorsystem.process import name_process
from killrweather.actorsystem.strategy import exception_kinds
from killrweather.home import Home
from killrweather.logs import log_to_file
from killrweather.messages.control import (
    Answer,
    Ask,
    Directive,
    Failed,
    Peer,
    Peers,
    Ping,
    Pong,
    RequestFailed,
    Start,
    Started,
    Stop,
)
from killrweather.request_id import working_for

STASH_LIMIT = 1_000
OPEN_LIMIT = 1_024
_MAX_TEXT, _MAX_TRACE = 500, 4_000
_log = logging.getLogger(__name__)


@dataclass(eq=False)
class Reply:
    """The one answer that somebody waits for; called with the value."""

    cell: "ActorCell"
    ask: Ask
    asker: ActorAddress | Wire
    is_deferred: bool = False

    def __call__(self, value: Any) -> None:
        """Send the answer; a second one is dropped."""
        if self.claim():
            self.cell.answer(self.asker, Answer(self.ask.id, value))

    def claim(self) -> bool:
        """Whether nobody has answered yet; the caller, in whichever thread, then does."""
        try:
            self.cell.open_replies.remove(self)
        except KeyError:
            return False
        return True


class _Expire:
    """The cell's own timer: look for questions whose deadline is past."""


class ActorCell(Actor):
    """Holds one actor, its mail, the questions it is asked and those it asks."""

    _start: Start
    supervisor: ActorAddress
    _actor: ManagedActor

    def __init__(self) -> None:
        self.asks = self._new_asks()
        self.open_replies: set[Reply] = set()
        self.current: Reply | None = None
        self._name = "an actor without a name"
        self._has_actor = False
        self._state: Literal["new", "starting", "running", "suspended", "ended"] = "new"
        self._stash: deque[tuple[Any, ActorAddress | Wire]] = deque()
        self._bridge: LoopBridge | None = None
        self._line: Line | None = None
        self._port: int | None = None
        self._is_expiring = False
        self._is_stopping = False
        self._dropped = 0

    @property
    def bridge(self) -> LoopBridge:
        """The loop beside the mailbox, made when it is first needed: a guardian forks, so it must own no thread."""
        if self._bridge is None:
            if not isinstance(self._actor, AsyncActor):
                raise TypeError(f"{type(self._actor).__name__} has a coroutine: derive it from AsyncActor")
            self._bridge = LoopBridge()
        return self._bridge

    @property
    def line(self) -> Line:
        """What the actor's coroutines ask with; the loop's."""
        if self._line is None:
            self._line = Line(self._asked_on_line, partial(self.bridge.post, self._mail))
            self._line.set_peers(self.asks.peers)
        return self._line

    def receiveMessage(self, message: Any, sender: ActorAddress) -> Any:
        """Thespian's entry."""
        if self._state == "ended":
            return None
        try:
            self._receive(message, sender)
        except Exception:
            _log.critical("the cell failed, so its process ends", exc_info=True)
            os._exit(1)
        self._watch_deadlines()
        return self._bridge.watch() if self._bridge else None

    def _receive(self, message: Any, sender: ActorAddress) -> None:
        match message:
            case Ping():
                self.guarded(self._pong, sender)
            case Start():
                self._begin(message, sender)
            case Directive():
                self._obey(message)
            case Stop():
                self._stop()
            case ActorExitRequest():
                self._end()
            case WatchMessage() if self._bridge:
                self._bridge.acknowledge()
            case WakeupMessage(payload=_Expire()):
                self._is_expiring = False
                if self._state == "running":
                    self.asks.expire()
            case PoisonMessage():
                self._not_sent(message, sender)
            case Peers():
                self.asks.set_peers(message)
                if self._line:
                    self.bridge.loop.call_soon_threadsafe(self._line.set_peers, message)
            case _ if self._state == "running":
                self._dispatch(message, sender)
            case _:
                self._keep(message, sender)
        if self._bridge and self._state != "suspended":
            self._bridge.drain()

    # -- mail

    def _dispatch(self, message: Any, sender: ActorAddress | Wire) -> None:
        match message:
            case Ask():
                self._handle_ask(message, sender)
            case Answer():
                self._answered(message)
            case WakeupMessage(payload=Timer(incarnation=incarnation, message=due)):
                if incarnation == self._start.incarnation:
                    self._handle(due, self.myAddress, None)
            case _:
                self._handle(message, sender, None)

    def _handle_ask(self, ask: Ask, sender: ActorAddress | Wire) -> None:
        if time.monotonic() > ask.deadline:
            return
        reply = Reply(self, ask, ask.reply_to or sender)
        self.open_replies.add(reply)
        if len(self.open_replies) > OPEN_LIMIT:
            reply(self._unavailable(f"is working on {OPEN_LIMIT} questions already"))
            return
        self._handle(ask.message, reply.asker, reply)

    def _handle(self, message: Any, sender: ActorAddress | Wire, reply: Reply | None) -> None:
        self.current = reply
        with working_for(reply.ask.request_id if reply else None):
            try:
                result = self._actor.receiveMessage(message, sender)
                if inspect.iscoroutine(result):
                    self._run(result, lambda value, error: self._finish(reply, value, error))
                elif not (reply and reply.is_deferred):
                    self._finish(reply, result, None)
            except Exception as error:
                self._finish(reply, None, error)
            finally:
                self.current = None

    def _finish(self, reply: Reply | None, value: Any, error: BaseException | None) -> None:
        if error is None:
            if reply:
                reply(value)
            return
        answer = RequestFailed.from_error(error)
        if answer is None:
            self._fail(error)
            text = f"{self._name} failed: {type(error).__name__}: {error}; ask again later"
            answer = RequestFailed("failed", _brief(text), retry_after_s=1.0)
        elif reply is None:
            _log.warning("a message was refused", extra={"reason": answer.text})
        if reply:
            reply(answer)

    def _asked_on_line(self, ask: Ask, wire: Wire) -> None:
        """In the loop: run a coroutine there; whatever else it takes happens in the actor's thread."""
        handler = getattr(type(self._actor), f"receiveMsg_{type(ask.message).__name__}", None)
        is_ready = self._state == "running" and len(self.open_replies) < OPEN_LIMIT
        if is_ready and inspect.iscoroutinefunction(handler) and time.monotonic() <= ask.deadline:
            reply = Reply(self, ask, wire)
            self.open_replies.add(reply)
            coroutine = self._actor.receiveMessage(ask.message, wire)
            with working_for(ask.request_id):
                self.bridge.start(coroutine, lambda value, error: self._finish_on_line(reply, value, error))
        else:
            self._keep(ask, wire)
            self.bridge.post(self._take_kept)

    def _finish_on_line(self, reply: Reply, value: Any, error: BaseException | None) -> None:
        if error is not None:
            self.bridge.post(self._finish, reply, None, error)
        elif reply.claim():
            cast(Wire, reply.asker).answer(Answer(reply.ask.id, value))

    def _take_kept(self) -> None:
        if self._state == "running":
            self._resume()

    def _answered(self, answer: Answer) -> None:
        if self._line and answer.id not in self.asks:
            self.bridge.loop.call_soon_threadsafe(self._line.answered, answer)
        else:
            self.asks.answered(answer)

    def _keep(self, message: Any, sender: ActorAddress | Wire) -> None:
        if len(self._stash) < STASH_LIMIT:
            self._stash.append((message, sender))
        elif isinstance(message, Ask):
            failure = self._unavailable(f"is not ready and {STASH_LIMIT} messages wait for it")
            self.answer(message.reply_to or sender, Answer(message.id, failure))
        else:
            self._dropped += 1

    def _not_sent(self, poison: PoisonMessage, target: ActorAddress) -> None:
        _log.error("a message could not be sent", extra={"trace": poison.details})
        failure = cannot_travel(poison.poisonMessage)
        match poison.poisonMessage:
            case Ask(id=key):
                self._answered(Answer(key, failure))
            case Answer(id=key, value=value) if not isinstance(value, RequestFailed):
                self.send(target, Answer(key, failure))

    def _resume(self) -> None:
        self._state = "running"
        while self._stash and self._state == "running":
            self._dispatch(*self._stash.popleft())

    # -- life

    def _begin(self, start: Start, supervisor: ActorAddress) -> None:
        self._start, self.supervisor, self._name = start, supervisor, start.name
        name_process(start.name)
        log_to_file(Home(start.home).log("node"), start.settings.logging, start.name)
        self._incarnate()

    def _incarnate(self) -> None:
        self._state, self._has_actor = "starting", False
        try:
            module, _, name = self._start.actor_class.rpartition(".")
            self._actor = getattr(import_module(module), name)()
            self._actor.attach(self, self._start)
            self._has_actor = True
            result = self._actor.pre_start()
            if inspect.iscoroutine(result):
                self._run(result, lambda _, error: self._fail(error) if error else self._ready())
            else:
                self._ready()
        except Exception as error:
            self._fail(error)

    def _ready(self) -> None:
        start = self._start
        _log.info("started", extra={"incarnation": start.incarnation, "class": start.actor_class})
        if self._port is None and isinstance(self._actor, AsyncActor):
            self._port = self.bridge.wait_for(self.line.open())
        handles = _handles(type(self._actor))
        self.send(self.supervisor, Started(start.name, os.getpid(), start.incarnation, handles, self._port))
        self._resume()

    def _fail(self, error: BaseException) -> None:
        trace = "".join(traceback.format_exception(type(error), error, error.__traceback__))[-_MAX_TRACE:]
        _log.error("failed", extra={"reason": f"{type(error).__name__}: {error}", "trace": trace})
        if self._state == "suspended" or self._is_stopping:
            return
        while_starting, self._state = self._state == "starting", "suspended"
        text = _brief(f"{type(error).__name__}: {error}")
        name, incarnation = self._start.name, self._start.incarnation
        self.send(self.supervisor, Failed(name, incarnation, exception_kinds(error), text, trace, while_starting))

    def _obey(self, directive: Directive) -> None:
        if self._state != "suspended" or directive.incarnation != self._start.incarnation:
            return
        if directive.decision == "restart":
            self._clear(lambda actor: actor.pre_restart(), "is being restarted")
            peers = self.asks.peers
            self.asks = self._new_asks()
            self.asks.set_peers(peers)
            if self._line:
                self.bridge.loop.call_soon_threadsafe(self._line.renew, peers)
            incarnation, restarts = self._start.incarnation + 1, self._start.restarts + 1
            self._start = replace(self._start, incarnation=incarnation, restarts=restarts)
            self._incarnate()
        else:
            self._resume()

    def _stop(self) -> None:
        """What is asked meanwhile is answered, and what the actor asks too: Thespian's own request ends it at once."""
        if self._state != "running" or self._is_stopping:
            self._leave()
            return
        self._is_stopping = True
        try:
            result = self._actor.post_stop()
            if inspect.iscoroutine(result):
                self._run(result, lambda _, error: self._stopped(error))
            else:
                self._stopped(None)
        except Exception as error:
            self._stopped(error)

    def _stopped(self, error: BaseException | None) -> None:
        if error:
            _log.error("closing failed", exc_info=error)
        self._leave()

    def _leave(self) -> None:
        self.send(self.myAddress, ActorExitRequest())

    def _end(self) -> None:
        self._clear(lambda actor: None if self._is_stopping else actor.post_stop(), "is stopping")
        while self._stash:
            message, sender = self._stash.popleft()
            if isinstance(message, Ask):
                self.answer(message.reply_to or sender, Answer(message.id, self._unavailable("is stopping")))
        self._state = "ended"
        if self._bridge:
            # The object stays: Thespian keeps watching the number of its socket, and must not see it used again.
            self._bridge.close()

    def _clear(self, hook: Callable[[ManagedActor], Any], why: str) -> None:
        if self._has_actor:
            try:
                result = hook(self._actor)
                if inspect.iscoroutine(result):
                    self.bridge.wait_for(result)
            except Exception:
                _log.exception("closing failed")
        if self._bridge:
            self._bridge.cancel_all()
        for reply in list(self.open_replies):
            reply(self._unavailable(why))

    # -- what the actor uses

    def defer(self) -> Reply:
        """See ManagedActor.defer."""
        if self.current is None:
            raise RuntimeError("defer: no question is being handled; only a plain handler of an Ask may call it")
        self.current.is_deferred = True
        return self.current

    def answer(self, asker: ActorAddress | Wire, answer: Answer) -> None:
        """Send an answer where the question came from; by a line also from the loop."""
        if isinstance(asker, Wire):
            self.bridge.loop.call_soon_threadsafe(asker.answer, answer)
        else:
            self.send(asker, answer)

    def release(self, reply: Reply) -> None:
        """Somebody else answers this question."""
        reply.is_deferred = True
        self.open_replies.discard(reply)

    def spawn(self, coroutine: Coroutine[Any, Any, Any], then: Then | None) -> None:
        """See AsyncActor.spawn."""

        def done(value: Any, error: BaseException | None) -> None:
            if error:
                self._finish(None, None, error)
            elif then:
                self.guarded(then, value)

        self._run(coroutine, done)

    def guarded(self, function: Callable[..., Any], *arguments: Any) -> None:
        """Call a function of the actor; what it raises is a handler's error."""
        try:
            function(*arguments)
        except Exception as error:
            self._finish(None, None, error)

    def _run(self, coroutine: Coroutine[Any, Any, Any], done: Callable[[Any, BaseException | None], None]) -> None:
        try:
            self.bridge.run(coroutine, done)
        except TypeError:
            coroutine.close()
            raise

    def _pong(self, sender: ActorAddress) -> None:
        if self._state == "new":
            return
        is_up = self._state == "running"
        health = self._actor.health() if is_up else {}
        counters = dict(self._actor.counters()) if is_up else {}
        if self._dropped:
            counters["dropped"] = self._dropped
        mailbox = len(self._stash) + len(self.open_replies)
        self.send(sender, Pong(self._start.name, os.getpid(), self._start.incarnation, mailbox, health, counters))

    def _new_asks(self) -> Asks:
        return Asks(self._mail, self.guarded)

    def _mail(self, peer: Peer, ask: Ask) -> None:
        self.send(peer.address, ask)

    def _watch_deadlines(self) -> None:
        if self.asks and not self._is_expiring:
            self._is_expiring = True
            self.wakeupAfter(timedelta(seconds=EXPIRY_INTERVAL_S), _Expire())

    def _unavailable(self, why: str) -> RequestFailed:
        return RequestFailed("unavailable", f"{self._name} {why}, ask again later", retry_after_s=1.0)


def _brief(text: str) -> str:
    return text if len(text) <= _MAX_TEXT else text[:_MAX_TEXT] + "…"


def _handles(actor_class: type[ManagedActor]) -> tuple[str, ...]:
    return tuple(name.removeprefix("receiveMsg_") for name in dir(actor_class) if name.startswith("receiveMsg_"))
