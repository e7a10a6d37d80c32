"""How much the stream has taken from the log, and how many rows that left."""

import asyncio

from cassandra.cluster import Session

from killrweather.settings import Settings
from killrweather.storage import session as cassandra
from killrweather.storage.progress import SELECT_POSITIONS, positions
from killrweather.storage.session import execute


class CountRepository:
    """Counts by reading what is there, so that the numbers are right whatever was repeated, replayed or killed.

    It has a session of its own; ``close`` ends it.
    """

    def __init__(self, session: Session, settings: Settings):
        self._session = session
        self._key = (settings.kafka.group_id, settings.kafka.topic.raw)
        self._hours = session.prepare("SELECT hours FROM raw_weather_year")
        self._progress = session.prepare(SELECT_POSITIONS)

    @classmethod
    def open(cls, settings: Settings) -> "CountRepository":
        """Connect and prepare the statements; raises Unavailable, or SchemaMissing if only the schema is away."""
        return cassandra.connect_to_keyspace(settings, lambda session: cls(session, settings))

    async def taken(self) -> int:
        """Records of the raw topic that were stored, aggregated or rejected at least once; a replay changes nothing."""
        found = positions(await execute(self._session, self._progress, self._key))
        return sum(position.reached for position in found.values())

    async def stored(self) -> int:
        """Rows that were ever stored, each hour of a station once: a sum over all station-years."""
        return sum(hours or 0 for (hours,) in await execute(self._session, self._hours))

    async def close(self) -> None:
        """End the session and its threads."""
        await asyncio.to_thread(cassandra.close, self._session)
