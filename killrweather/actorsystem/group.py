"""A node's place in the Kafka group ``node.group``: a consumer that reads nothing and shows that the node lives."""

import asyncio
from contextlib import suppress

from aiokafka import AIOKafkaConsumer
from aiokafka.coordinator.assignors.abstract import AbstractPartitionAssignor
from aiokafka.errors import KafkaError

from killrweather.settings import Settings
from killrweather.streams.connection import client_options

_HEARTBEATS = 6
"""Signs of life in a session time-out."""


class Group:
    """Made in the loop; a member from ``join`` to ``leave``. What the members tell each other is the assignor's."""

    def __init__(self, settings: Settings, assignor: type[AbstractPartitionAssignor]):
        self._limit_s = settings.session_timeout_s
        options, session_ms = client_options(settings), round(self._limit_s * 1000)
        self._consumer = AIOKafkaConsumer(
            settings.node.group,
            **{**options, "request_timeout_ms": max(session_ms, options["request_timeout_ms"])},
            group_id=settings.node.group,
            partition_assignment_strategy=(assignor,),
            session_timeout_ms=session_ms,
            heartbeat_interval_ms=session_ms // _HEARTBEATS,
            rebalance_timeout_ms=session_ms,
            max_poll_interval_ms=session_ms,
            retry_backoff_ms=100,
            enable_auto_commit=False,
        )

    async def join(self) -> None:
        """Become a member, and wait for the first arrangement; raises what aiokafka does."""
        await self._consumer.start()

    async def show_life(self) -> None:
        """Say that this node works on: without it the group gives the node up. Raises what befell the membership."""
        await self._consumer.getmany(timeout_ms=0)

    async def leave(self) -> None:
        """Leave, so that the others know at once; whether or not ``join`` has come to its end."""
        with suppress(KafkaError, asyncio.TimeoutError):
            await asyncio.wait_for(self._consumer.stop(), self._limit_s)
