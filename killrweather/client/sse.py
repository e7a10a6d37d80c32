"""Reads a stream of server-sent events, however its bytes are cut (WHATWG HTML, 9.2.6)."""

from collections.abc import Iterator
from dataclasses import dataclass

from killrweather.errors import KillrWeatherError

MOST_BYTES = 1 << 20
"""Of one event; a stream that sends more without an end is none of ours."""

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Event:
    """One event of a stream."""

    kind: str
    data: str
    id: str
    """The place in the stream, for Last-Event-ID; empty where the node gives none."""


class EventReader:
    """Takes bytes as they come and gives the events that are complete.

    ``last_id`` and ``retry_s`` outlive the connection: begin a new one with ``reconnected``.
    """

    def __init__(self, last_id: str = ""):
        self.last_id = last_id
        self.retry_s: float | None = None
        """s that the node wants between two connections; None = it did not say."""
        self.reconnected()

    def reconnected(self) -> None:
        """Forget what a connection left incomplete."""
        self._line = bytearray()
        self._is_first_line, self._after_cr = True, False
        self._id, self._kind = self.last_id, ""
        self._data: list[str] = []
        self._size = 0  # of the data

    def feed(self, block: bytes) -> Iterator[Event]:
        """The events that end in these bytes; raises KillrWeatherError when one has no end."""
        for part in block.splitlines(keepends=True):  # of bytes: at \n, \r and \r\n alone
            if self._after_cr and part == b"\n":
                self._after_cr = False
                continue
            self._after_cr = part.endswith(b"\r")
            self._line += part
            if len(self._line) + self._size > MOST_BYTES:
                raise KillrWeatherError(f"an event has more than {MOST_BYTES:,} bytes, expected a killrweather node")
            if part.endswith((b"\r", b"\n")):
                yield from self._ended(bytes(self._line).rstrip(b"\r\n"))
                self._line.clear()

    def _ended(self, line: bytes) -> Iterator[Event]:
        if self._is_first_line:
            self._is_first_line, line = False, line.removeprefix(_BYTE_ORDER_MARK)
        if line:
            name, _, value = line.decode("utf-8", "replace").partition(":")
            self._field(name, value.removeprefix(" "))
            return
        self.last_id = self._id
        if self._data:
            yield Event(self._kind or "message", "\n".join(self._data), self.last_id)
        self._kind, self._data, self._size = "", [], 0

    def _field(self, name: str, value: str) -> None:
        if name == "data":
            self._data.append(value)
            self._size += len(value)
        elif name == "event":
            self._kind = value
        elif name == "id" and "\0" not in value:
            self._id = value
        elif name == "retry" and value.isascii() and value.isdigit():
            self.retry_s = int(value) / 1000
