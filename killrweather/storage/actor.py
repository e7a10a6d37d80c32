"""What the actors that answer from Cassandra have in common."""

import asyncio
from typing import Any

from killrweather.actorsystem import AsyncActor
from killrweather.connection import Connection
from killrweather.errors import SchemaMissing, StationNotFound
from killrweather.messages.weather import NoDataAvailable
from killrweather.storage.store import Store


class StoreActor(AsyncActor):
    """An actor with a store of its own; while Cassandra is away its questions get Unavailable."""

    def pre_start(self) -> None:
        self._connection = Connection("cassandra", lambda: asyncio.to_thread(Store.open, self.settings))
        self.spawn(self._connection.open())

    async def post_stop(self) -> None:
        if self._connection.is_open:
            await self.store.close()

    def health(self) -> dict[str, Any]:
        """Whether Cassandra and the schema are there, as the checks of /ready want it."""
        problem = self._connection.problem
        if isinstance(problem, SchemaMissing):
            return {"cassandra": "", "schema": str(problem)}
        if problem:
            return {"cassandra": str(problem), "schema": str(problem)}
        return {"cassandra": "" if self.store.is_up else "no node of Cassandra answers; is it running?", "schema": ""}

    @property
    def store(self) -> Store:
        """The repositories; raises Unavailable while they can't be had."""
        return self._connection.get()

    async def absence(self, wsid: str, text: str) -> NoDataAvailable:
        """The answer of a known station without such data; raises StationNotFound for an unknown one."""
        if not await self.store.stations.is_known(wsid):
            raise StationNotFound.of(wsid)
        return NoDataAvailable(wsid, f"station {wsid}: {text}")
