"""How much the stream has taken from the log, and how many rows that left."""

from cassandra.cluster import Session

from killrweather.settings import Settings
from killrweather.storage.progress import Position
from killrweather.storage.session import execute


class CountRepository:
    """Counts by reading what is there, so that the numbers are right whatever was repeated, replayed or killed."""

    def __init__(self, session: Session, settings: Settings):
        self._session = session
        self._key = (settings.kafka.group_id, settings.kafka.topic.raw)
        self._hours = session.prepare("SELECT hours FROM raw_weather_year")
        self._progress = session.prepare(
            "SELECT epoch_us, next_offset, replay_until FROM stream_progress WHERE group_id = ? AND topic = ?"
        )

    async def taken(self) -> int:
        """Records of the raw topic that were stored, aggregated or rejected at least once; a replay changes nothing."""
        rows = await execute(self._session, self._progress, self._key)
        return sum(Position(epoch, offset, until or 0).reached for epoch, offset, until in rows if offset is not None)

    async def stored(self) -> int:
        """Rows that were ever stored, each hour of a station once: a sum over all station-years."""
        return sum(hours or 0 for (hours,) in await execute(self._session, self._hours))
