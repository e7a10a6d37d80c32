"""Sending rejected records through the feed again."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from secrets import token_hex

from aiokafka.structs import ConsumerRecord

from killrweather.messages.feed import ObservationsPublished, PublishObservations
from killrweather.messages.rejected import RejectedRetry, RetryRejected
from killrweather.streams.producer import Keyed
from killrweather.streams.rejected import Distinct, RejectedLog, order_of, retry_note, shown

_PORTION = 200
"""Records after which a retry notes how far it is: so many may be sent twice when this process dies."""


class Retry:
    """One order to retry: what it sends goes to ``feed``, and its notes of how far it is to ``publish``."""

    def __init__(
        self,
        order: RetryRejected,
        log: RejectedLog,
        feed: Callable[[PublishObservations], Awaitable[ObservationsPublished]],
        publish: Callable[[list[Keyed]], Awaitable[object]],
    ):
        self.order = order
        self.progress = RejectedRetry(token_hex(4), "running")
        self._log, self._feed, self._publish = log, feed, publish

    def ended(self, problem: str | None = None) -> None:
        """It is done, or has failed for this reason."""
        self.progress = replace(self.progress, state="failed" if problem else "done", text=problem or "")

    def begin(self, partition: int, first: int) -> int:
        """Where it has to begin in a partition whose log begins at ``first``."""
        return max(first, self._log.retried_until(partition, self.order.code))

    async def send(self, partition: int, records: AsyncIterator[ConsumerRecord]) -> None:
        """Send a partition's records again, in their order, and note how far that has got, also when it fails.

        Raises what ``feed`` and ``publish`` do.
        """
        distinct, done, noted = Distinct(), 0, 0
        try:
            async for record in records:
                seen = shown(record, self._log)
                is_wanted = seen is not None and self.order.code in (None, seen.code) and not seen.is_retried
                if is_wanted and distinct.is_new(record):
                    await self._send_one(record)
                done = record.offset + 1
                if done >= noted + _PORTION:
                    await self._note(partition, done)
                    noted = done
        finally:
            if done > noted:
                await self._note(partition, done)

    async def _send_one(self, record: ConsumerRecord) -> None:
        order, so_far = order_of(record, self.order.format), self.progress
        if order is None:
            self.progress = replace(so_far, incomplete=so_far.incomplete + 1)
            return
        published = await self._feed(order)
        self.progress = replace(
            so_far,
            retried=so_far.retried + 1,
            accepted=so_far.accepted + published.accepted,
            rejected=so_far.rejected + published.rejected,
        )

    async def _note(self, partition: int, until: int) -> None:
        await self._publish([retry_note(self.order.code, {partition: until})])
