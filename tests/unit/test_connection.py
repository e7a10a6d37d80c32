"""Waiting for something that is away."""

import asyncio

import pytest

from killrweather.connection import Connection
from killrweather.errors import ConfigurationError, Unavailable


def test_it_is_tried_again_until_it_is_there_and_says_why_not_meanwhile():
    """Two failures and a success: Unavailable with the reason, then the thing."""
    reasons = ["refused", "still refused"]
    seen = []

    async def open_it():
        seen.append(str(connection.problem))
        if reasons:
            raise Unavailable(reasons.pop(0))
        return "session"

    connection = Connection("cassandra", open_it)
    with pytest.raises(Unavailable, match="not connected"):
        connection.get()

    asyncio.run(connection.open())

    assert connection.get() == "session"
    assert connection.problem is None
    assert seen == ["cassandra: not connected yet", "refused", "still refused"]


def test_what_another_try_cannot_mend_is_raised():
    """A wrong certificate is not waited for."""

    async def open_it():
        raise ConfigurationError("cassandra.tls: no such file")

    with pytest.raises(ConfigurationError):
        asyncio.run(Connection("cassandra", open_it).open())
