"""Everything that answers are read from, behind one session."""

import asyncio
from dataclasses import dataclass

from cassandra.cluster import Session

from killrweather.settings import Settings
from killrweather.storage import session as cassandra
from killrweather.storage.precipitation import PrecipitationRepository
from killrweather.storage.raw import RawWeatherRepository
from killrweather.storage.stations import StationRepository
from killrweather.storage.temperature import TemperatureRepository


@dataclass(frozen=True)
class Store:
    """The repositories of one process; ``close`` ends their session."""

    session: Session
    stations: StationRepository
    raw: RawWeatherRepository
    temperature: TemperatureRepository
    precipitation: PrecipitationRepository

    @classmethod
    def open(cls, settings: Settings) -> "Store":
        """Connect and prepare every statement; raises Unavailable, or SchemaMissing if only the schema is away."""
        return cassandra.connect_to_keyspace(
            settings,
            lambda session: cls(
                session,
                StationRepository(session),
                RawWeatherRepository(session),
                TemperatureRepository(session),
                PrecipitationRepository(session),
            ),
        )

    @property
    def is_up(self) -> bool:
        """The driver sees at least one node."""
        return any(host.is_up for host in self.session.cluster.metadata.all_hosts())

    async def close(self) -> None:
        """End the session and its threads."""
        await asyncio.to_thread(cassandra.close, self.session)
