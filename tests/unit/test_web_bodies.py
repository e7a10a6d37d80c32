"""A body, read no faster than this node can take it."""

import asyncio
from types import SimpleNamespace

import pytest

from killrweather.web import bodies
from killrweather.web.bodies import blocks_of

BLOCKS = [b"x" * 400_000] * 3


async def arriving():
    for block in BLOCKS:
        yield block


def test_a_sender_is_not_blamed_for_the_time_that_this_node_takes(monkeypatch):
    """Kafka may be slow between two blocks, or the machine may have slept: the sender has sent all the while."""
    monkeypatch.setattr(bodies, "STALL_S", 0.05)
    monkeypatch.setattr(bodies, "MIN_BYTES_PER_S", 10_000_000)

    async def read_slowly():
        total = 0
        async for block in blocks_of(SimpleNamespace(stream=arriving), 1 << 30):
            await asyncio.sleep(0.1)
            total += len(block)
        return total

    assert asyncio.run(read_slowly()) == sum(map(len, BLOCKS))


def test_a_sender_that_drips_is_given_up(monkeypatch):
    """What keeps coming, but too slowly, keeps no place."""
    monkeypatch.setattr(bodies, "STALL_S", 0.05)

    async def dripping():
        while True:
            yield b"x"
            await asyncio.sleep(0.01)

    async def read():
        async for _ in blocks_of(SimpleNamespace(stream=dripping), 1 << 30):
            pass

    with pytest.raises(bodies.HttpProblem, match="less than 500 bytes/s"):
        asyncio.run(asyncio.wait_for(read(), 10))
