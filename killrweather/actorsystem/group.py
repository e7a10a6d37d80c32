"""A node's place in the Kafka group ``node.group``: a consumer that reads nothing and shows that the node lives."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from aiokafka import AIOKafkaConsumer
from aiokafka.coordinator.assignors.abstract import AbstractPartitionAssignor
from aiokafka.errors import GroupAuthorizationFailedError, InvalidSessionTimeoutError, KafkaError

from killrweather.errors import ConfigurationError
from killrweather.settings import Settings
from killrweather.streams.connection import client_options
from killrweather.streams.topics import away

_HEARTBEATS = 6
"""Signs of life in a session time-out."""


class Group:
    """Made in the loop; a member from ``join`` to ``leave``. What the members tell each other is the assignor's.

    ``join`` and ``show_life`` raise ConfigurationError for a session time-out that the brokers do not allow, Refused
    when they do not let this node into the group, and else what aiokafka does: another try may mend that.
    """

    def __init__(self, settings: Settings, assignor: type[AbstractPartitionAssignor]):
        self._settings = settings
        options, session_ms = client_options(settings), round(settings.session_timeout_s * 1000)
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
        """Become a member, and wait for the first arrangement."""
        with _refusals(self._settings):
            await self._consumer.start()

    async def show_life(self) -> None:
        """Say that this node works on: the group gives up one that does not. Raises what befell the membership."""
        with _refusals(self._settings):
            await self._consumer.getmany(timeout_ms=0)

    async def leave(self) -> None:
        """Leave, so that the others know at once; whether or not ``join`` has come to its end."""
        with suppress(KafkaError, asyncio.TimeoutError):
            await asyncio.wait_for(self._consumer.stop(), self._settings.session_timeout_s)


@contextmanager
def _refusals(settings: Settings) -> Iterator[None]:
    try:
        yield
    except InvalidSessionTimeoutError:
        servers = ", ".join(settings.kafka_servers)
        raise ConfigurationError(
            f"node.session_timeout_s: {settings.session_timeout_s:g}, expected a value that Kafka at {servers} allows:"
            " not below its group.min.session.timeout.ms (6000 by default), nor above its"
            " group.max.session.timeout.ms; set another one on all nodes, or let the brokers allow this one"
        ) from None
    except GroupAuthorizationFailedError as error:
        raise away(settings, error) from None
