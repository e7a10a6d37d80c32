"""``killrweather status``: how the nodes are, hop by hop."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime, timezone
from typing import Annotated, Any

import typer
from rich.console import Group
from rich.live import Live
from rich.text import Text

from killrweather.cli.completions import of
from killrweather.cli.keys import quit_key
from killrweather.cli.options import ConfigFiles, Environment, HomeDirectory, environment
from killrweather.cli.output import NOTES, Output, reader_may_leave, say
from killrweather.cli.rows import plain
from killrweather.cli.tables import console, print_rich, table
from killrweather.errors import BadRequest, KillrWeatherError, Unavailable
from killrweather.messages.node import HOPS, shown

_POLL_S = 0.2
_WATCH_S = 1.0
_OTHERS_S = 3.0
_EVENTS = 8
_LETTER = {"Up": "UN", "Joining": "UJ", "Leaving": "UL", "Down": "DN"}
"""As nodetool writes them: up or down, then normal, joining or leaving."""


def run(
    *,
    wait: Annotated[
        str | None,
        typer.Option(help="ready: return once the node is, or fail after --timeout.", autocompletion=of("ready")),
    ] = None,
    timeout: Annotated[float, typer.Option(help="Seconds.")] = 60.0,
    watch: Annotated[bool, typer.Option("--watch", help="Look again every second, until q or Ctrl-C.")] = False,
    output: Output,
    config: ConfigFiles = None,
    home: HomeDirectory = None,
) -> int:
    """Nodes, actors with their restarts, the flow hop by hop, services. Exit code 1 when the node is not ready.

    Example: `killrweather status --wait ready --timeout 30`
    """
    if watch and not output.is_for_people:
        raise BadRequest("--watch is for people: expected it without --json and --csv", "watch")
    if wait not in (None, "ready"):
        raise BadRequest(f"--wait {wait}: expected ready", "wait")
    found = environment(config, home)
    status = wait_until_ready(found, timeout) if wait else _cluster(found)
    if watch:
        _watch(found, status)
        return 0
    output.print(status, lambda: _show(status), _rows(status))
    return 0 if status["ready"] else 1


def look(found: Environment) -> dict[str, Any]:
    """The status of one node as ``--json`` prints it; a node that does not answer is not ready."""
    result: dict[str, Any] = {"ready": False, "nodes": [], "counters": {}, "services": services(found)}
    try:
        with found.client(timeout_s=10.0) as client:
            seen = plain(client.status())
    except Unavailable as error:
        return {**result, "problem": str(error)}
    node = seen["node"]
    result |= {"ready": node["ready"], "nodes": [node], "counters": node["counters"], "stream": seen["stream"]}
    return result


def wait_until_ready(found: Environment, timeout_s: float) -> dict[str, Any]:
    """Look until the node is ready; raises KillrWeatherError that says what is missing after ``timeout_s``."""
    deadline = time.monotonic() + timeout_s
    with NOTES.status("waiting for the node") as shown:
        while not (status := look(found))["ready"]:
            missing = what_is_missing(status)
            shown.update(f"waiting: {missing}")
            if time.monotonic() > deadline:
                raise KillrWeatherError(f"not ready after {timeout_s:g} s: {missing}")
            time.sleep(_POLL_S)
    return status


def what_is_missing(status: dict[str, Any]) -> str:
    """Why the status is not ready, in one line."""
    if not status["nodes"]:
        return str(status["problem"])
    node = status["nodes"][0]
    return "; ".join(c["text"] for c in node["checks"] if not c["ok"]) or f"node {node['name']} is {node['state']}"


def services(found: Environment) -> list[dict[str, Any]]:
    """The embedded services as their pid files tell, or the external ones by name."""
    from dataclasses import asdict

    from killrweather.services import Embedded

    return [asdict(one) for one in Embedded(found.settings, found.home).status()]


def _cluster(found: Environment) -> dict[str, Any]:
    """The status of the node that was asked, then of the others, as they tell it or as that one sees them."""
    status = look(found)
    if not status["nodes"]:
        return status
    asked = status["nodes"][0]
    others = [member for member in asked["cluster"]["members"] if member["id"] != asked["cluster"]["me"]]

    def ask(member: dict[str, Any]) -> dict[str, Any]:
        if member["state"] == "Down":
            return {**member, "problem": f"it has been down since {member['since']}"}
        try:
            with found.client(url=member["address"], timeout_s=_OTHERS_S) as client:
                return {**plain(client.status(node_only=True).node), "state": member["state"]}
        except KillrWeatherError as error:
            return {**member, "problem": str(error)}

    with ThreadPoolExecutor(len(others) or 1) as pool:
        status["nodes"] += pool.map(ask, others)
    with suppress(KillrWeatherError), found.client(timeout_s=_OTHERS_S) as client:
        past = client.cluster_history(_EVENTS)
        status["events"] = [{"at": event.at, "event": event.event, "text": event.text} for event in past]
    return status


def _watch(found: Environment, status: dict[str, Any]) -> None:
    """Show the status again and again, in the same place of a terminal, until q or Ctrl-C; the last one stays."""
    out = console()
    with suppress(KeyboardInterrupt), reader_may_leave(), quit_key() as is_quit:
        if not out.is_terminal:
            while True:
                _show(status)
                print(flush=True)
                is_quit(_WATCH_S)
                status = _cluster(found)
        with Live(console=out, screen=True, auto_refresh=False, vertical_overflow="crop") as live:
            live.update(_picture(status), refresh=True)
            while not is_quit(_WATCH_S):
                status = _cluster(found)
                live.update(_picture(status), refresh=True)
    if out.is_terminal:
        _show(status)


def _picture(status: dict[str, Any]) -> Group:
    """The whole status with the time of the look, for a terminal."""
    now = Text(f"{datetime.now(timezone.utc):%F %T} UTC · q ends", style="dim")
    problem = [Text(status["problem"], style="red")] if not status["nodes"] else []
    return Group(now, *problem, *_tables(status))


def _show(status: dict[str, Any]) -> None:
    if not status["nodes"]:
        say(status["problem"])
    print_rich(Group(*_tables(status)))


def _tables(status: dict[str, Any]) -> Iterator[Any]:
    for number, (rows, columns) in enumerate(_parts(status)):
        if number:
            yield Text()
        yield table(list(rows), columns)


def _rows(status: dict[str, Any]) -> list[dict[str, Any]]:
    """A row for each node, and the counters, which are of them all."""
    columns = ("name", "state", "address", "roles", "version", "uptime_s", "restarts", "ready")
    counters = {f"counters.{hop}": status["counters"].get(hop) for hop in HOPS}
    return [{name: node.get(name) for name in columns} | counters for node in status["nodes"]]


def _parts(status: dict[str, Any]) -> Iterator[tuple[Any, list[str]]]:
    if status["nodes"]:
        yield from _parts_of_nodes(status)
    yield (
        ((s["name"], s["state"], s["address"], s["pid"], s["restarts"], s["problem"]) for s in status["services"]),
        ["service", "state", "address", "pid", "restarts", "problem"],
    )


def _parts_of_nodes(status: dict[str, Any]) -> Iterator[tuple[Any, list[str]]]:
    asked, is_cluster = status["nodes"][0], len(status["nodes"]) > 1
    owners = asked["cluster"]["owners"]
    ids = {member["name"]: member["id"] for member in asked["cluster"]["members"]}
    rows = []
    for node in status["nodes"]:
        owned = ",".join(name for name, id in owners.items() if id == ids.get(node["name"]))
        span = _span(node["uptime_s"]) if "uptime_s" in node else ""
        restarts, roles = node.get("restarts", ""), ",".join(node["roles"])
        letter = _LETTER.get(node["state"], "??")
        rows.append((letter, node["address"], roles, owned, span, restarts, node["version"], node["name"]))
    yield rows, ["--", "address", "roles", "owns", "uptime", "restarts", "version", "name"]
    actors = [
        (node["name"], a["name"], a["state"], a["pid"], a["restarts"], a["mailbox"], a["last_error"] or "")
        for node in status["nodes"]
        for a in node.get("actors", ())
    ]
    first = 0 if is_cluster else 1
    columns = ["node", "actor", "state", "pid", "restarts", "mailbox", "last error"]
    yield [row[first:] for row in actors], columns[first:]
    counters = status["counters"]
    yield [[shown(counters[hop]) for hop in HOPS]], [hop.replace("_by_", "\nby ").replace("_", " ") for hop in HOPS]
    if counters["reasons"]:
        rejected = ([*name.split(".", 1), f"{number:,}"] for name, number in counters["reasons"].items())
        yield rejected, ["rejected by", "code", "rows"]
    if left := _left_to_replay(status["stream"]):
        yield [(f"{left:,}",)], ["records that a replay has still to do"]
    checks = [
        (node["name"], c["name"], "ok" if c["ok"] else "FAILED", c["text"])
        for node in status["nodes"]
        for c in node.get("checks", ())
        if node is asked or not c["ok"]
    ]
    checks += [(n["name"], "status", "FAILED", n["problem"]) for n in status["nodes"] if "problem" in n]
    yield [row[first:] for row in checks], ["node", "check", "", ""][first:]
    if is_cluster and status.get("events"):
        yield [(_time(event["at"]), event["text"]) for event in status["events"]], ["when", "what happened"]


def _left_to_replay(stream: dict[str, Any] | None) -> int:
    if not stream or not stream["replay"]:
        return 0
    return sum(max(0, end - stream["stored"].get(number, 0)) for number, end in stream["replay"]["until"].items())


def _time(text: str) -> str:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(timezone.utc).strftime("%H:%M:%S.%f")[:-4]


def _span(seconds: float) -> str:
    minutes, seconds = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    return f"{days}d{hours:02}h" if days else f"{hours}h{minutes:02}m" if hours else f"{minutes}m{seconds:02}s"
