"""The page at ``/operations``: is the node well, where are the observations, who runs, what was said."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from nicegui import ui
from nicegui.element import Element
from starlette.requests import Request

from killrweather.errors import KillrWeatherError
from killrweather.messages.node import NodeStatus, shown
from killrweather.page.desk import Desk
from killrweather.page.elements import notice, table, tag, text
from killrweather.page.frame import after_connecting, desk_of, frame
from killrweather.page.log_tail import last_lines, log_file

if TYPE_CHECKING:
    from killrweather.web.operations import Status

EVERY_S = 2.0
_LINES = 60
_FLOW = (
    ("received", "Received", "rows that came in by HTTP"),
    ("in_kafka", "In Kafka", "accepted and acknowledged"),
    ("stored", "Stored", "hours that can be queried"),
)


def add() -> None:
    """Let NiceGUI show the page."""

    @ui.page("/operations")
    def show(request: Request) -> None:
        with frame(request, "Operations", "/operations"):
            text("h1", "Operations")
            _OperationsPage(desk_of(request))


class _OperationsPage:
    """Looks again every two seconds; a part is drawn anew only when it has changed."""

    def __init__(self, desk: Desk):
        self._desk = desk
        self._drawn: dict[str, object] = {}
        self._places: dict[str, Element] = {}
        for name in ("problem", "health", "flow"):
            self._places[name] = tag("div", "contents", data_part=name)
        with self._places["health"]:
            notice("loading", "Asking the node …")
        for name, title in (("services", "Services"), ("actors", "Actors"), ("nodes", "Nodes"), ("log", "Log")):
            with tag("section", "contents", aria_labelledby=f"{name}-title"):
                text("h2", title, id=f"{name}-title")
                self._places[name] = tag("div", "contents", data_part=name)
        after_connecting(self._load)

    async def _load(self) -> None:
        while True:
            await self._look()
            await asyncio.sleep(EVERY_S)

    async def _look(self) -> None:
        try:
            status = await self._desk.status()
        except KillrWeatherError as error:
            reason = f"{error} It is asked again."
            self._draw("problem", reason, lambda: notice("error", "The node does not answer", reason))
            self._draw("health", None, lambda: None)
        else:
            self._draw("problem", status.problem, lambda: _problem(status))
            node = status.node
            self._draw("health", (node.ready, node.state, int(node.uptime_s) // 60), lambda: _health(node))
            lag = status.stream.lag if status.stream else None
            self._draw("flow", (node.counters, lag), lambda: _flow(status))
            self._draw("services", (node.checks, status.stream), lambda: _services(status))
            actors = [(one.name, one.state, one.restarts, one.last_error, one.mailbox) for one in node.actors]
            self._draw("actors", actors, lambda: _actors(node))
            self._draw("nodes", node.cluster, lambda: _nodes(node))
        path = log_file()
        lines = await asyncio.to_thread(last_lines, path, _LINES) if path else []
        self._draw("log", lines, lambda: _log(lines))

    def _draw(self, name: str, shows: object, draw: Callable[[], object]) -> None:
        if name in self._drawn and self._drawn[name] == shows:
            return
        self._drawn[name] = shows
        self._places[name].clear()
        with self._places[name]:
            draw()


def _problem(status: Status) -> None:
    if status.problem:
        notice("error", "The stream's progress is not known", status.problem)


def _health(node: NodeStatus) -> None:
    with tag("p", "health", role="status"):
        text("span", "Ready" if node.ready else "Not ready", f"badge {'ok' if node.ready else 'bad'}")
        text(
            "span",
            f"{node.name} {node.version}, {node.state} for {duration(node.uptime_s)}; {_restarts(node.restarts)}",
        )


def _flow(status: Status) -> None:
    counters = status.node.counters
    lag = counters.lag if counters.lag is not None else (status.stream.lag if status.stream else None)
    with tag("ol", "flow", aria_label="Observations on their way"):
        for name, title, meaning in _FLOW:
            with tag("li", "flow-step"):
                text("div", title, "muted small-text")
                text("div", shown(getattr(counters, name)), "tile-value")
                text("div", meaning, "muted small-text")
    rest = [
        ("Lag", lag), ("Rejected", counters.rejected),
        ("Repeated", counters.repeated), ("Rejected by the stream", counters.rejected_by_stream),
    ]  # fmt: skip
    with tag("dl", "facts"):
        for title, number in rest:
            with tag("div"):
                text("dt", title)
                text("dd", shown(number), "warn" if title == "Lag" and number else "")
    if counters.reasons:
        rows = [(reason, f"{number:,}") for reason, number in sorted(counters.reasons.items(), key=lambda one: -one[1])]
        table("Rejected rows by who rejected them and why", ("kind of fault", "rows"), rows)


def _services(status: Status) -> None:
    rows = [(one.name, "ok" if one.ok else "not ok", one.text) for one in status.node.checks]
    if status.stream is not None:
        rows.append(("stream's process", status.stream.state, status.stream.text or "–"))
    table("What the node needs", ("service", "state", "what it says"), rows, numbers_from=9)


def _actors(node: NodeStatus) -> None:
    rows = [(one.name, one.state, str(one.restarts), str(one.mailbox), one.last_error or "–") for one in node.actors]
    if not rows:
        notice("empty", "No actor has started yet")
        return
    table("Actors", ("actor", "state", "restarts", "mailbox", "last error"), rows, numbers_from=9)


def _nodes(node: NodeStatus) -> None:
    if node.cluster.problem:
        text("p", node.cluster.problem, "muted")
    owners: dict[str, list[str]] = {}
    for singleton, owner in node.cluster.owners.items():
        owners.setdefault(owner, []).append(singleton)
    rows = [
        (one.name, one.state, one.address, ", ".join(one.roles), ", ".join(owners.get(one.id, [])) or "–", one.version)
        for one in node.cluster.members
    ]
    if rows:
        table("Nodes of the cluster", ("node", "state", "address", "roles", "owns", "version"), rows, numbers_from=9)


def _log(lines: list[str]) -> None:
    if not lines:
        notice("empty", "This process writes no log file")
        return
    with tag("div", "log", tabindex="0", role="log", aria_label="The log's last lines", aria_live="off"):
        for line in reversed(lines):
            level = next((name for name in ("ERROR", "WARNING") if f" {name} " in line), "")
            text("div", line, level.lower())


def _restarts(number: int) -> str:
    return f"{number} restart{'' if number == 1 else 's'}"


def duration(seconds: float) -> str:
    """A time span in the two largest units that it has, for example ``3 h 12 min``."""
    minutes, s = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = [f"{n} {unit}" for n, unit in ((days, "d"), (hours, "h"), (minutes, "min"), (s, "s")) if n]
    return " ".join(parts[:2]) or "0 s"
