"""The page at ``/``: is the node ready, and how many observations are where on their way."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from killrweather.messages.node import HOPS, shown

if TYPE_CHECKING:
    from killrweather.web.operations import Status

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta http-equiv="refresh" content="5"><title>KillrWeather</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 50rem; padding: 0 1rem; color: #1a2530; }}
table {{ border-collapse: collapse; margin: 1rem 0; width: 100%; }}
th, td {{ border-bottom: 1px solid #d5dde3; padding: .3rem .6rem; text-align: left; }}
td.n {{ text-align: right; font-variant-numeric: tabular-nums; }}
.ok {{ color: #1b6e3a; }} .bad {{ color: #a32020; }}
</style></head><body>
<h1>KillrWeather</h1>
<p>Node <b>{name}</b> {version}, <b class="{mood}">{readiness}</b>, {state} for {uptime}.</p>
<table><caption>What the node needs</caption>{checks}</table>
<table><caption>Observations on their way</caption>{flow}</table>
<table><caption>Actors</caption><tr><th>actor</th><th>state</th><th>restarts</th><th>last error</th></tr>
{actors}</table>
<p>API: <a href="docs">docs</a> · <a href="openapi.json">openapi.json</a> · <a href="ready">ready</a> ·
<a href="status">status</a> ·
<a href="weather/stations?limit=20">stations</a></p>
</body></html>
"""


def status_page(status: Status) -> str:
    """The page as HTML; it loads nothing from anywhere and renews itself every 5 s."""
    node, counters = status.node, status.node.counters
    checks = [(check.name, "ok" if check.ok else "bad", check.text) for check in node.checks]
    if status.problem:
        checks.append(("stream", "bad", status.problem))
    return _PAGE.format(
        name=escape(node.name),
        version=escape(node.version),
        mood="ok" if node.ready else "bad",
        readiness="ready" if node.ready else "not ready",
        state=escape(node.state),
        uptime=duration(node.uptime_s),
        checks="".join(
            f'<tr><td>{escape(name)}</td><td class="{mood}">{mood}</td><td>{escape(text)}</td></tr>'
            for name, mood, text in checks
        ),
        flow="".join(
            f'<tr><td>{hop.replace("_", " ")}</td><td class="n">{shown(getattr(counters, hop))}</td></tr>'
            for hop in HOPS
        ),
        actors="".join(
            f"<tr><td>{escape(actor.name)}</td><td>{escape(actor.state)}</td>"
            f'<td class="n">{actor.restarts}</td><td>{escape(actor.last_error or "")}</td></tr>'
            for actor in node.actors
        ),
    )


def duration(seconds: float) -> str:
    """A time span in the two largest units that it has, for example ``3 h 12 min``."""
    minutes, s = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = [f"{n} {unit}" for n, unit in ((days, "d"), (hours, "h"), (minutes, "min"), (s, "s")) if n]
    return " ".join(parts[:2]) or "0 s"
