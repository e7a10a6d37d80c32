"""Writes the reference pages that come from the code: ``python -m docs.reference``; a test holds them to it."""

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from typer.main import get_command

from killrweather.cli import app
from killrweather.configuration import OLD_NAMES, environment_name
from killrweather.resources import resource
from killrweather.web.metrics import METRICS

HERE = Path(__file__).parent


def configuration() -> str:
    """The page of all configuration keys, from the comments of conf/killrweather.yaml."""
    lines = [
        "# Configuration",
        "",
        "Written from `conf/killrweather.yaml` by `make docs`; do not edit.",
        "",
        "Order: defaults < `conf/killrweather.yaml` (in the working directory, else the shipped one)"
        " < `--config` files, later ones win < environment < flags.",
        "`killrweather config show` prints every value with its origin, `killrweather config check` only checks.",
        "An unknown key or a value that is not allowed ends the command with exit code 2"
        " and names file, key and value.",
        "",
        "| key | default | environment | meaning |",
        "|---|---|---|---|",
    ]
    for key, default, meaning in _keys():
        lines.append(f"| `{key}` | `{default}` | `{environment_name(key)}` | {meaning.replace('|', chr(92) + '|')} |")
    lines += [
        "",
        "The tree of actors is the map `actors`: name → class, roles, pool and strategy; see"
        " [architecture](architecture.md).",
        "",
        "Names that older deployments set still work: "
        + ", ".join(f"`{old}` (`{key}`)" for old, key in OLD_NAMES.items())
        + ".",
        "`KILLRWEATHER_HOME` (or `--home`) is the state directory, by default `.killrweather` in the working one.",
        "",
    ]
    return "\n".join(lines)


def commands() -> str:
    """The page of all commands, from the command line itself."""
    lines = [
        "# Commands",
        "",
        "Written from the command line's own help by `make docs`; do not edit.",
        "",
        "stdout carries the result alone; logs and progress go to stderr.",
        "Exit codes: 0 done, 1 failed, 2 misuse, 3 no such data.",
        "An error is one line: what, the value, what was expected, what to do.",
        "[At a terminal](terminal.md) says how tables, JSON and CSV look, and how Tab completes values.",
        "",
    ]
    for name, command in _commands(get_command(app), "killrweather"):
        lines += [f"## `{name}`", "", inspect.cleandoc(command.help or "").replace("\b", ""), ""]
        lines += ["| argument | default | meaning |", "|---|---|---|"]
        for parameter in command.params:
            if getattr(parameter, "hidden", False) or parameter.name == "help":
                continue
            is_argument = parameter.param_type_name == "argument"
            shown = (parameter.metavar or parameter.name) if is_argument else parameter.opts[0]
            lines.append(f"| `{shown}` | {_default(parameter)} | {getattr(parameter, 'help', None) or ''} |")
        lines.append("")
    return "\n".join(lines)


def metrics() -> str:
    """The page of all metrics, from what /metrics is made of."""
    lines = [
        "# Metrics",
        "",
        "Written from `killrweather/web/metrics.py` by `make docs`; do not edit.",
        "",
        "`GET /metrics` of a node answers in Prometheus's text format; with `http.token` set it needs the token.",
        "A number that is not known is absent, never 0: after a restart until its actor has read where things stand,"
        " and of the stream where this node cannot reach it.",
        "A node whose guardian does not answer gives 503, so Prometheus's own `up` is 0.",
        "",
        "Counters of rows and records are worked out from what Kafka and Cassandra keep: no restart sets them back,"
        " and every node that knows them tells the same number.",
        "Over several nodes take `max`, not `sum`: `max(killrweather_stream_lag_records)`.",
        "What has `actor`, `check`, `node` or `http` in its name is the node's own.",
        "Histograms and the seconds of steps are counted by one process and begin at 0 with it:"
        " take `rate`, and `sum` over nodes, as `deploy/grafana/killrweather.json` does.",
        "",
        "| metric | type | labels | meaning |",
        "|---|---|---|---|",
    ]
    for metric in METRICS:
        labels = ", ".join(f"`{label}`" for label in metric.labels)
        lines.append(f"| `{metric.name}` | {metric.kind} | {labels} | {metric.text} |")
    return "\n".join([*lines, ""])


def _commands(command: Any, name: str) -> Iterator[tuple[str, Any]]:
    if not hasattr(command, "commands"):
        yield name, command
        return
    for child in sorted(command.commands):
        yield from _commands(command.commands[child], f"{name} {child}")


def _default(parameter: Any) -> str:
    shown = getattr(parameter, "show_default", None)
    if isinstance(shown, str):
        return shown
    if parameter.required:
        return "required"
    if parameter.default in (None, (), False):
        return ""
    return f"`{parameter.default}`"


def _keys() -> Iterator[tuple[str, str, str]]:
    sections: list[str] = []
    for line in resource("conf/killrweather.yaml").read_text(encoding="utf-8").splitlines():
        if line.startswith("actors:"):
            return
        content, _, meaning = line.partition("  # ")
        name, colon, value = content.strip().partition(":")
        if not colon or name.startswith("#"):
            continue
        depth = (len(content) - len(content.lstrip())) // 2
        sections = [*sections[:depth], name]
        if value.strip():
            yield ".".join(sections), value.strip(), meaning.strip()


PAGES = (configuration, commands, metrics)


def main() -> None:
    """Write the pages."""
    for page in PAGES:
        (HERE / f"{page.__name__}.md").write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
