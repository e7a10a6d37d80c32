"""What the shell offers at Tab for a value: names that are fixed, and what a running node knows.

Nothing is ever printed here, and a node that is away, slow or does not let us in has nothing to offer.
"""

import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING, TypeVar

import typer

from killrweather.cli.bash_words import before_colon
from killrweather.cli.options import environment

if TYPE_CHECKING:
    from killrweather.client import Client

T = TypeVar("T")

_PATIENCE_S = 0.7
"""Whoever pressed Tab waits for this."""

_MOST = 100

Offer = list[tuple[str, str]]
"""Values with what they mean."""


def of(*values: str) -> Callable[[str], list[str]]:
    """Offers these values."""
    return lambda incomplete: [value for value in values if value.startswith(incomplete)]


def list_of(*values: str) -> Callable[[str], list[str]]:
    """Offers these values for the last place of a list with commas, each once."""

    def offer(incomplete: str) -> list[str]:
        before, comma, last = incomplete.rpartition(",")
        taken = before.split(",")
        return [f"{before}{comma}{value}" for value in values if value.startswith(last) and value not in taken]

    return offer


def stations(ctx: typer.Context, incomplete: str) -> Offer:
    """Station ids that begin so, with their names, from the running node."""
    before = before_colon(os.environ)
    begun = f"{before}{incomplete}".upper()
    found = _ask(ctx, lambda client: islice(client.stations(begun, page_size=_MOST), _MOST))
    return [(one.wsid[len(before) :], one.name or "") for one in found if one.wsid.startswith(begun)]


def nodes(ctx: typer.Context, incomplete: str) -> Offer:
    """Names of the cluster's nodes, with their states."""
    members = _ask(ctx, lambda client: client.status(node_only=True).node.cluster.members)
    return [(one.name, one.state) for one in members if one.name.startswith(incomplete)]


def sky_codes(incomplete: str) -> Offer:
    """The codes of sky conditions, with what they mean."""
    from killrweather.model.sky import SKY_CONDITIONS

    return [(str(one.code), one.text) for one in SKY_CONDITIONS if str(one.code).startswith(incomplete)]


def _ask(ctx: typer.Context, question: Callable[["Client"], Iterable[T]]) -> list[T]:
    with suppress(Exception):  # whatever is wrong, a half-typed line is no place to say so
        given = ctx.params
        found = environment(given.get("config"), given.get("home"))
        with found.client(timeout_s=_PATIENCE_S) as client:
            return list(question(client))
    return []
