"""The process of an actor: it keeps the mail while the actor is started, failed or restarted, and never fails itself.

Thespian creates every actor as an ``ActorCell``, which the parent may import because it is light. ``Start`` tells the
cell whom to become: only then, in the actor's own process, the actor's class and all it imports are loaded.

Thespian 4.0.1 runs a handler that raised a second time and tells neither parent nor supervisor; so the cell catches
everything, tells the supervisor, and waits, suspended, for its directive.
"""

import inspect
import logging
import os
import traceback
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from importlib import import_module
from typing import Any, Literal

from thespian.actors import (
    Actor,
    ActorAddress,
    ActorExitRequest,
    PoisonMessage,
    WakeupMessage,
    WatchMessage,
)

from killrweather.actorsystem.actor import AsyncActor, ManagedActor, Timer
from killrweather.actorsystem.asker import Asker
from killrweather.actorsystem.bridge import LoopBridge
from killrweather.actorsystem.line import EXPIRY_INTERVAL_S, Wire, cannot_travel
from killrweather.actorsystem.process import name_process
from killrweather.actorsystem.replies import Replies
from killrweather.actorsystem.stash import Stash
from killrweather.actorsystem.strategy import exception_kinds
from killrweather.actorsystem.work import Work, brief
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

_MAX_TRACE = 4_000
_log = logging.getLogger(__name__)


class _Expire:
    """The cell's own timer: look for questions whose deadline is past."""


class ActorCell(Actor):
    """Holds one actor, its mail, the questions it is asked and those it asks."""

    _start: Start
    supervisor: ActorAddress
    _actor: ManagedActor

    def __init__(self) -> None:
        self.replies = Replies(self.send, self._answer_by_line)
        self.work = Work(self.replies, lambda: self.bridge, self._fail)
        self.asker = Asker(self._mail, self.work.guarded, self._asked_on_line, lambda: self.bridge)
        self._stash = Stash(self.replies)
        self._has_actor = False
        self._state: Literal["new", "starting", "running", "suspended", "ended"] = "new"
        self._bridge: LoopBridge | None = None
        self._is_expiring = False
        self._is_stopping = False

    @property
    def bridge(self) -> LoopBridge:
        """The loop beside the mailbox, made when it is first needed: a guardian forks, so it must own no thread."""
        if self._bridge is None:
            if not isinstance(self._actor, AsyncActor):
                raise TypeError(f"{type(self._actor).__name__} has a coroutine: derive it from AsyncActor")
            self._bridge = LoopBridge()
        return self._bridge

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
                self.work.guarded(self._pong, sender)
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
                    self.asker.by_mail.expire()
            case PoisonMessage():
                self._not_sent(message, sender)
            case Peers():
                self.asker.set_peers(message)
            case _ if self._state == "running":
                self._dispatch(message, sender)
            case _:
                self._stash.keep(message, sender)
        if self._bridge and self._state != "suspended":
            self._bridge.drain()

    # -- mail

    def _dispatch(self, message: Any, sender: ActorAddress | Wire) -> None:
        match message:
            case Ask():
                self.work.handle_ask(self._actor, message, message.reply_to or sender)
            case Answer():
                self.asker.answered(message)
            case WakeupMessage(payload=Timer(incarnation=incarnation, message=due)):
                if incarnation == self._start.incarnation:
                    self.work.handle(self._actor, due, self.myAddress)
            case _:
                self.work.handle(self._actor, message, sender)

    def _asked_on_line(self, ask: Ask, wire: Wire) -> None:
        """In the loop: run a coroutine there; whatever else it takes happens in the actor's thread."""
        if not (self._state == "running" and self.work.handle_in_loop(self._actor, ask, wire)):
            self._stash.keep(ask, wire)
            self.bridge.post(self._take_kept)

    def _take_kept(self) -> None:
        if self._state == "running":
            self._resume()

    def _not_sent(self, poison: PoisonMessage, target: ActorAddress) -> None:
        _log.error("a message could not be sent", extra={"trace": poison.details})
        failure = cannot_travel(poison.poisonMessage)
        match poison.poisonMessage:
            case Ask(id=key):
                self.asker.answered(Answer(key, failure))
            case Answer(id=key, value=value) if not isinstance(value, RequestFailed):
                self.send(target, Answer(key, failure))

    def _resume(self) -> None:
        self._state = "running"
        while self._stash and self._state == "running":
            self._dispatch(*self._stash.take())

    # -- life

    def _begin(self, start: Start, supervisor: ActorAddress) -> None:
        self._start, self.supervisor, self.replies.name = start, supervisor, start.name
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
                self.work.run(result, lambda _, error: self._fail(error) if error else self._ready())
            else:
                self._ready()
        except Exception as error:
            self._fail(error)

    def _ready(self) -> None:
        start = self._start
        _log.info("started", extra={"incarnation": start.incarnation, "class": start.actor_class})
        port = self.asker.open_line() if isinstance(self._actor, AsyncActor) else None
        handles = _handles(type(self._actor))
        self.send(self.supervisor, Started(start.name, os.getpid(), start.incarnation, handles, port))
        self._resume()

    def _fail(self, error: BaseException) -> None:
        trace = "".join(traceback.format_exception(type(error), error, error.__traceback__))[-_MAX_TRACE:]
        _log.error("failed", extra={"reason": f"{type(error).__name__}: {error}", "trace": trace})
        if self._state == "suspended" or self._is_stopping:
            return
        while_starting, self._state = self._state == "starting", "suspended"
        text = brief(f"{type(error).__name__}: {error}")
        name, incarnation = self._start.name, self._start.incarnation
        self.send(self.supervisor, Failed(name, incarnation, exception_kinds(error), text, trace, while_starting))

    def _obey(self, directive: Directive) -> None:
        if self._state != "suspended" or directive.incarnation != self._start.incarnation:
            return
        if directive.decision == "restart":
            self._clear(lambda actor: actor.pre_restart(), "is being restarted")
            self.asker.forget()
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
                self.work.run(result, lambda _, error: self._stopped(error))
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
        self._stash.refuse_all("is stopping")
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
        self.replies.refuse_all(why)

    def _pong(self, sender: ActorAddress) -> None:
        if self._state == "new":
            return
        is_up = self._state == "running"
        health = self._actor.health() if is_up else {}
        counters = dict(self._actor.counters()) if is_up else {}
        if self._stash.dropped:
            counters["dropped"] = self._stash.dropped
        mailbox = len(self._stash) + len(self.replies)
        self.send(sender, Pong(self._start.name, os.getpid(), self._start.incarnation, mailbox, health, counters))

    def _answer_by_line(self, wire: Wire, answer: Answer) -> None:
        self.bridge.loop.call_soon_threadsafe(wire.answer, answer)

    def _mail(self, peer: Peer, ask: Ask) -> None:
        self.send(peer.address, ask)

    def _watch_deadlines(self) -> None:
        if self.asker.by_mail and not self._is_expiring:
            self._is_expiring = True
            self.wakeupAfter(timedelta(seconds=EXPIRY_INTERVAL_S), _Expire())


def _handles(actor_class: type[ManagedActor]) -> tuple[str, ...]:
    return tuple(name.removeprefix("receiveMsg_") for name in dir(actor_class) if name.startswith("receiveMsg_"))
