"""``killrweather config``: what the configuration is, and where each value comes from."""

from typing import Annotated

import typer

from killrweather.cli.arguments import Commands
from killrweather.cli.options import ConfigFiles, HomeDirectory, environment
from killrweather.cli.output import Output, say
from killrweather.cli.tables import print_table

app = Commands(help="Show or check the configuration.", no_args_is_help=True)


@app.command()
def show(
    changed: Annotated[bool, typer.Option("--changed", help="Only what differs from the shipped file.")] = False,
    *,
    output: Output,
    config: ConfigFiles = None,
    home: HomeDirectory = None,
) -> None:
    """Every key with its value and origin; secrets are masked.

    Example: `killrweather config show --changed`
    """
    shown = environment(config, home).configuration.shown()
    if changed:
        shown = [row for row in shown if not row[2].endswith("killrweather.yaml") and row[2] != "default"]
    columns = ("key", "value", "origin")
    output.print(
        {key: {"value": value, "origin": origin} for key, value, origin in shown},
        lambda: print_table(((key, str(value), origin) for key, value, origin in shown), columns),
        [dict(zip(columns, row, strict=True)) for row in shown],
    )


@app.command()
def check(config: ConfigFiles = None, home: HomeDirectory = None) -> None:
    """Check the configuration; exit code 2 names what is wrong.

    Example: `killrweather config check --config production.yaml`
    """
    found = environment(config, home)
    say(f"ok: {len(found.configuration.shown())} keys, state directory {found.home.path}")
