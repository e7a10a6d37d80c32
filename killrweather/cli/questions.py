"""How a question becomes a command: --json, --config and --home, the client and the printing are the same for all."""

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import typer

from killrweather.cli.options import AsJson, ConfigFiles, HomeDirectory, environment
from killrweather.cli.output import print_json, print_values, say

_SHARED = {"as_json": (AsJson, False), "config": (ConfigFiles, None), "home": (HomeDirectory, None)}

Question = Callable[..., Any]
"""Gets a client and its own arguments, asks, and returns the answer."""


def print_answer(answer: Any) -> None:
    """One value, or a tuple of them, as a table."""
    values = answer if isinstance(answer, tuple) else (answer,)
    if values:
        print_values(values)
    else:
        say("nothing")


def command(
    app: typer.Typer, name: str, show: Callable[[Any], None] = print_answer
) -> Callable[[Question], Callable[..., None]]:
    """Make a question a command of ``app``; ``show`` prints its answer where no JSON is asked for.

    typer takes arguments and help from a function's signature and docstring: here the question's own arguments
    without the client, and those that all share.
    """

    def decorate(question: Question) -> Callable[..., None]:
        def run(*, as_json: bool, config: list[Path] | None, home: Path | None, **arguments: Any) -> None:
            with environment(config, home).client() as client:
                answer = question(client, **arguments)
            print_json(answer) if as_json else show(answer)

        own = list(inspect.signature(question).parameters.values())[1:]
        shared = [
            inspect.Parameter(each, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind)
            for each, (kind, default) in _SHARED.items()
        ]
        run.__name__, run.__doc__ = question.__name__, question.__doc__
        run.__signature__ = inspect.Signature([*own, *shared])  # type: ignore[attr-defined]
        run.__annotations__ = {parameter.name: parameter.annotation for parameter in (*own, *shared)}
        return app.command(name)(run)

    return decorate
