"""``killrweather status``: how the node is, hop by hop."""

import time
from typing import Annotated, Any

import typer

from killrweather.cli.options import AsJson, ConfigFiles, Environment, HomeDirectory, environment
from killrweather.cli.output import NOTES, print_json, print_table, say
from killrweather.errors import BadRequest, KillrWeatherError, Unavailable
from killrweather.messages.node import HOPS, shown

_POLL_S = 0.2
_LETTER = {"Up": "UN", "Joining": "UJ", "Leaving": "UL"}
"""As nodetool writes them: up or down, then normal, joining or leaving."""


def run(
    wait: Annotated[str | None, typer.Option(help="ready: return once the node is, or fail after --timeout.")] = None,
    timeout: Annotated[float, typer.Option(help="Seconds.")] = 60.0,
    as_json: AsJson = False,
    config: ConfigFiles = None,
    home: HomeDirectory = None,
) -> int:
    """Nodes, actors with their restarts, the flow hop by hop, services. Exit code 1 when the node is not ready.

    Example: `killrweather status --wait ready --timeout 30`
    """
    if wait not in (None, "ready"):
        raise BadRequest(f"--wait {wait}: expected ready", "wait")
    found = environment(config, home)
    status = wait_until_ready(found, timeout) if wait else look(found)
    if as_json:
        print_json(status)
    else:
        _show(status)
    return 0 if status["ready"] else 1


def look(found: Environment) -> dict[str, Any]:
    """The status as ``--json`` prints it; a node that does not answer is not ready."""
    result: dict[str, Any] = {"ready": False, "nodes": [], "counters": {}, "services": services(found)}
    try:
        with found.client(timeout_s=10.0) as client:
            seen: dict[str, Any] = client.get("/status", dict[str, Any])
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


def _show(status: dict[str, Any]) -> None:
    if not status["nodes"]:
        say(status["problem"])
    for node in status["nodes"]:
        print_table(
            [
                (
                    _LETTER.get(node["state"], "??"),
                    node["address"],
                    ",".join(node["roles"]),
                    _span(node["uptime_s"]),
                    node["restarts"],
                    node["version"],
                    node["name"],
                )
            ],
            ["--", "address", "roles", "uptime", "restarts", "version", "name"],
        )
        print()
        print_table(
            (
                (a["name"], a["state"], a["pid"], a["restarts"], a["mailbox"], a["last_error"] or "")
                for a in node["actors"]
            ),
            ["actor", "state", "pid", "restarts", "mailbox", "last error"],
        )
        print()
        counters = node["counters"]
        print_table([[shown(counters[hop]) for hop in HOPS]], [hop.replace("_", " ") for hop in HOPS])
        print()
        if counters["reasons"]:
            rejected = ([*name.split(".", 1), f"{number:,}"] for name, number in counters["reasons"].items())
            print_table(rejected, ["rejected by", "code", "rows"])
            print()
        if left := _left_to_replay(status["stream"]):
            print(f"a replay is under way: {left:,} records to go\n")
        print_table(((c["name"], "ok" if c["ok"] else "FAILED", c["text"]) for c in node["checks"]), ["check", "", ""])
        print()
    print_table(
        ((s["name"], s["state"], s["address"], s["pid"], s["restarts"]) for s in status["services"]),
        ["service", "state", "address", "pid", "restarts"],
    )


def _left_to_replay(stream: dict[str, Any] | None) -> int:
    if not stream or not stream["replay"]:
        return 0
    return sum(max(0, end - stream["stored"].get(number, 0)) for number, end in stream["replay"]["until"].items())


def _span(seconds: float) -> str:
    minutes, seconds = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    return f"{days}d{hours:02}h" if days else f"{hours}h{minutes:02}m" if hours else f"{minutes}m{seconds:02}s"
