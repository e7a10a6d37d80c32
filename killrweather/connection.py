"""Something an actor needs and that may be away for a while: Cassandra, Kafka."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from killrweather.errors import Unavailable

T = TypeVar("T")

_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.1, 2.0

log = logging.getLogger(__name__)


class Connection(Generic[T]):
    """Opens a thing again and again until it is there, and says meanwhile why it is not.

    An actor that waits is not an actor that failed: no restart is counted, and its questions get Unavailable.
    """

    def __init__(self, name: str, open_it: Callable[[], Awaitable[T]]):
        self.name = name
        self._open = open_it
        self._opened: T | None = None
        self._problem = Unavailable(f"{name}: not connected yet")

    async def open(self) -> T:
        """Try until it is open; any error but Unavailable is raised."""
        wait_s = _FIRST_WAIT_S
        while self._opened is None:
            try:
                self._opened = await self._open()
            except Unavailable as error:
                if str(self._problem) != str(error):
                    log.warning("waiting", extra={"what": self.name, "reason": str(error)})
                self._problem = error
                await asyncio.sleep(wait_s)
                wait_s = min(2 * wait_s, _LONGEST_WAIT_S)
        return self._opened

    @property
    def is_open(self) -> bool:
        """It was reached."""
        return self._opened is not None

    @property
    def problem(self) -> Unavailable | None:
        """Why it is not open, None when it is."""
        return None if self.is_open else self._problem

    def get(self) -> T:
        """The open thing; raises Unavailable while there is none."""
        if self._opened is None:
            raise self._problem
        return self._opened
