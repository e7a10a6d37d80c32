"""A stream of byte blocks as chunks of whole lines, in bounded memory."""

from collections.abc import Iterator
from dataclasses import dataclass

from killrweather.feed.rejects import Reject, shown

_BOM = b"\xef\xbb\xbf"
_EXCERPT_BYTES = 100


@dataclass(frozen=True, slots=True)
class Chunk:
    r"""Whole lines, each ended by ``\n``, without BOM and ``\r\n``; ``data`` may be empty when there are only rejects.

    ``rejects`` are lines that were too long to be kept; they stand before ``data``, or where it has a blank line.
    """

    first_line: int
    """The number of the first line of ``data`` in its input, counted from 1."""
    data: bytes
    rejects: tuple[Reject, ...] = ()


class Chunker:
    """Cuts one input into chunks of about ``chunk_bytes``; a line longer than ``max_line_bytes`` is never held whole.

    Which lines come out does not depend on how the input was divided into blocks.
    """

    def __init__(self, chunk_bytes: int, max_line_bytes: int):
        self._chunk_bytes = chunk_bytes
        self._max_line_bytes = max_line_bytes
        self._buffer = bytearray()
        self._line = 1
        self._at_start = True
        self._in_long_line = False
        self._rejects: list[Reject] = []

    @property
    def next_line(self) -> int:
        """The number of the line that has not been given out yet."""
        return self._line

    def feed(self, block: bytes) -> list[Chunk]:
        """Take the next block; the chunks that are complete with it."""
        self._buffer += block
        if self._at_start:
            if len(self._buffer) < len(_BOM):
                return []
            self._drop_bom()
        chunks: list[Chunk] = []
        while self._leave_long_line() and len(self._buffer) >= self._chunk_bytes:
            end = self._buffer.rfind(b"\n", 0, self._chunk_bytes) + 1 or self._buffer.find(b"\n", self._chunk_bytes) + 1
            if end:
                chunks += self._cut(end)
            elif len(self._buffer) > self._max_line_bytes:
                self._reject(self._buffer)
                self._buffer.clear()
                self._in_long_line = True
            else:
                break
        return chunks

    def close(self) -> list[Chunk]:
        """The rest: the input has ended, and its last line may lack its newline."""
        self._drop_bom()
        if self._leave_long_line() and self._buffer and not self._buffer.endswith(b"\n"):
            self._buffer += b"\n"
        return self.cut()

    def cut(self) -> list[Chunk]:
        """The whole lines so far, of an input that was cut off; what begins the next line is given up."""
        if self._at_start:
            self._drop_bom()
        chunks = list(self._cut(self._buffer.rfind(b"\n") + 1))
        if self._rejects:
            chunks.append(self._chunk(b""))
        self._buffer.clear()
        return chunks

    def _drop_bom(self) -> None:
        if self._at_start and self._buffer.startswith(_BOM):
            del self._buffer[: len(_BOM)]
        self._at_start = False

    def _leave_long_line(self) -> bool:
        """Drop what still belongs to a line that was too long; False while its end has not been seen."""
        if self._in_long_line:
            end = self._buffer.find(b"\n") + 1
            del self._buffer[: end or len(self._buffer)]
            self._in_long_line = not end
        return not self._in_long_line

    def _cut(self, end: int) -> Iterator[Chunk]:
        """Take whole lines off the buffer, in one chunk unless lines that are too long divide it."""
        lines = bytes(self._buffer[:end])
        del self._buffer[:end]
        start = position = 0
        while len(lines) - position > self._max_line_bytes + 1:
            last = lines.rfind(b"\n", position, position + self._max_line_bytes + 1)
            if last >= 0:
                position = last + 1
                continue
            if position > start:
                yield self._chunk(lines[start:position])
            start = lines.index(b"\n", position) + 1
            self._reject(lines[position:start])
            position = start
        if start < len(lines):
            yield self._chunk(lines[start:])

    def _chunk(self, data: bytes) -> Chunk:
        chunk = Chunk(self._line, data.replace(b"\r\n", b"\n") if b"\r" in data else data, tuple(self._rejects))
        self._line += data.count(b"\n")
        self._rejects.clear()
        return chunk

    def _reject(self, line: bytes | bytearray) -> None:
        reason = f"line of more than {self._max_line_bytes:,} bytes"
        self._rejects.append(Reject(self._line, None, shown(bytes(line[:_EXCERPT_BYTES])), reason, "too-long"))
        self._line += 1
