"""Keeps the reports of one hour in one piece: several lines may be one observation."""

from collections.abc import Callable, Iterable, Iterator

from killrweather.feed.chunks import Chunk

HourOf = Callable[[bytes], bytes | None]
"""Which station and hour a line is of; None for one that can't be read, which then belongs to the line before."""

MAX_HOUR_BYTES = 1 << 20
"""An hour of more is divided all the same: that is 700 of the widest lines, and no station reports so often."""


def runs_of(lines: Iterable[bytes], hour_of: HourOf) -> Iterator[int]:
    """For each line the number of its hour: it grows by one wherever the next line is of another station or hour."""
    run, current = 0, None
    for line in lines:
        hour = hour_of(line)
        if hour is not None and hour != current:
            run, current = run + 1, hour
        yield run


class WholeHours:
    """Moves the ends of chunks to where an hour ends; an hour is what ``runs_of`` says."""

    def __init__(self, hour_of: HourOf):
        self._hour_of = hour_of
        self._held: Chunk | None = None

    def feed(self, chunk: Chunk) -> Chunk:
        """Take the next chunk; what comes back ends with an hour, and may have no lines."""
        chunk = self._joined(chunk)
        end = self._start_of_last_hour(chunk.data)
        lines = chunk.data[:end]
        self._held = Chunk(chunk.first_line + lines.count(b"\n"), chunk.data[end:])
        return Chunk(chunk.first_line, lines, chunk.rejects)

    def close(self) -> Chunk | None:
        """The last hour."""
        held, self._held = self._held, None
        return held

    def _joined(self, chunk: Chunk) -> Chunk:
        held = self._held
        if held is None or not held.data:
            return chunk
        # Lines that were too long to be kept stood between: blank ones keep the numbers right.
        gap = b"\n" * (chunk.first_line - held.first_line - held.data.count(b"\n"))
        return Chunk(held.first_line, held.data + gap + chunk.data, chunk.rejects)

    def _start_of_last_hour(self, data: bytes) -> int:
        last, found = None, len(data)
        end = len(data)
        while end and len(data) - end <= MAX_HOUR_BYTES:
            start = data.rfind(b"\n", 0, end - 1) + 1
            hour = self._hour_of(data[start : end - 1])
            if hour is not None:
                if last is not None and hour != last:
                    return found
                last, found = hour, start
            end = start
        return len(data) if end else found
