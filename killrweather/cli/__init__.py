"""The command line: one subcommand a file, its arguments, then what it does.

stdout carries the result alone, logs and progress go to stderr.
Exit codes: 0 done, 1 failed, 2 misuse (a command's arguments, the configuration), 3 no such data.
"""

import os
import sys
from typing import Any

import typer

from killrweather.cli import (
    bash_words,
    client,
    config,
    doctor,
    down,
    fetch,
    load,
    node,
    open,
    query,
    recompute,
    rejected,
    replay,
    schema,
    services,
    simulate,
    stations,
    status,
    up,
)
from killrweather.cli.arguments import Commands
from killrweather.cli.output import prepare_stdout, say
from killrweather.errors import BadRequest, ConfigurationError, KillrWeatherError, NoData, StationNotFound

app = Commands(
    name="killrweather",
    help="Weather observations through Kafka, Spark and Cassandra, answered by supervised actors.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)
app.command("up")(up.run)
app.command("down")(down.run)
app.command("status")(status.run)
app.command("open")(open.run)
app.command("load")(load.run)
app.command("fetch")(fetch.run)
app.command("simulate")(simulate.run)
app.command("replay")(replay.run)
app.command("recompute")(recompute.run)
app.command("client")(client.run)
app.command("doctor")(doctor.run)
for name, group in {
    "query": query.app,
    "stations": stations.app,
    "rejected": rejected.app,
    "schema": schema.app,
    "services": services.app,
    "config": config.app,
    "node": node.app,
}.items():
    app.add_typer(group, name=name)


_INTERRUPTED = 130
"""What typer makes of Ctrl-C."""

_UsageError: type[Exception] = typer.BadParameter.__mro__[1]
"""typer brings a click of its own and names only this subclass of the error of a misused command."""


def main() -> None:
    """Run the command line and exit; an error is one line on stderr."""
    if os.environ.get("_KILLRWEATHER_COMPLETE") == "complete_bash":
        bash_words.mend(os.environ)
    prepare_stdout()
    try:
        code = app(standalone_mode=False, prog_name="killrweather")
        if code == _INTERRUPTED:
            code = say("interrupted", 1)
    except _UsageError as misuse:
        code = say(_usage(misuse), 2)
    except (ConfigurationError, BadRequest) as error:
        code = say(f"error: {error}", 2)
    except (NoData, StationNotFound) as error:
        code = say(str(error), 3)
    except KillrWeatherError as error:
        code = say(f"error: {error}", 1)
    except OSError as error:  # such as a directory that may not be written to
        code = say(f"error: {error}", 1)
    except (KeyboardInterrupt, typer.Abort):
        code = say("interrupted", 1)
    sys.exit(code if isinstance(code, int) else 0)


def _usage(misuse: Any) -> str:
    if not misuse.format_message():
        return ""  # no arguments at all: the help was printed
    command = misuse.ctx.command_path if misuse.ctx else "killrweather"
    return f"error: {misuse.format_message().rstrip('.')}; see: {command} --help"
