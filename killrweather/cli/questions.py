"""How a question becomes a command: the client, the configuration and the form of the answer are the same for all."""

import inspect
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any, TypeVar, get_args, get_origin

import typer

from killrweather.cli.options import ConfigFiles, HomeDirectory, environment
from killrweather.cli.output import Output, say
from killrweather.cli.tables import print_value, print_values

T = TypeVar("T")

_PAGE = 1_000

Question = Callable[..., Any]
"""Gets a client and its own arguments, asks, and returns the answer."""


def print_answer(answer: Any) -> None:
    """Values as a table, one value as its fields."""
    if not isinstance(answer, tuple):
        print_value(answer)
    elif answer:
        print_values(answer)
    else:
        say("nothing")


def first(limit: int, series: Callable[[int], Iterator[T]]) -> tuple[T, ...]:
    """The first values of a series, which gets its page size: what is not shown is not fetched."""
    return tuple(islice(series(min(limit, _PAGE)), limit))


def command(
    app: typer.Typer,
    name: str,
    show: Callable[[Any], None] = print_answer,
    rows: Callable[[Any], Any] | None = None,
) -> Callable[[Question], Callable[..., None]]:
    """Make a question a command of ``app``; ``show`` prints its answer for people, ``rows`` makes CSV's rows of it.

    typer takes arguments and help from a function's signature and docstring: here the question's own arguments
    without the client, and those that all share.
    """

    def decorate(question: Question) -> Callable[..., None]:
        _, *own = inspect.signature(question).parameters.values()
        kind = _kind(inspect.signature(question).return_annotation)

        def run(*, output: Output, config: ConfigFiles = None, home: HomeDirectory = None, **arguments: Any) -> None:
            with environment(config, home).client() as client:
                answer = question(client, **arguments)
            output.print(answer, lambda: show(answer), rows(answer) if rows else None, kind)

        *shared, _ = inspect.signature(run).parameters.values()
        run.__name__, run.__doc__ = question.__name__, question.__doc__
        run.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
            [*(each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in own), *shared]
        )
        return app.command(name)(run)

    return decorate


def _kind(answer: Any) -> Any:
    """What a tuple of values is a tuple of."""
    return get_args(answer)[0] if get_origin(answer) is tuple else None
