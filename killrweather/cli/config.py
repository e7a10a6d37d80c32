"""``killrweather config``: what the configuration is, and where each value comes from."""

from typing import Annotated

import typer

from killrweather.cli.options import AsJson, ConfigFiles, HomeDirectory, environment
from killrweather.cli.output import print_json, print_table, say

app = typer.Typer(help="Show or check the configuration.", no_args_is_help=True)


@app.command()
def show(
    changed: Annotated[bool, typer.Option("--changed", help="Only what differs from the shipped file.")] = False,
    as_json: AsJson = False,
    config: ConfigFiles = None,
    home: HomeDirectory = None,
) -> None:
    """Every key with its value and origin; secrets are masked.

    Example: `killrweather config show --changed`
    """
    shown = environment(config, home).configuration.shown()
    if changed:
        shown = [row for row in shown if not row[2].endswith("killrweather.yaml") and row[2] != "default"]
    if as_json:
        print_json({key: {"value": value, "origin": origin} for key, value, origin in shown})
    else:
        print_table(((key, str(value), origin) for key, value, origin in shown), ["key", "value", "origin"])


@app.command()
def check(config: ConfigFiles = None, home: HomeDirectory = None) -> None:
    """Check the configuration; exit code 2 names what is wrong.

    Example: `killrweather config check --config production.yaml`
    """
    found = environment(config, home)
    say(f"ok: {len(found.configuration.shown())} keys, state directory {found.home.path}")
