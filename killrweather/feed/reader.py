"""An input as it arrives, plain or compressed, as pieces that any process can parse on its own."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

from killrweather.errors import BadRequest, FormatError
from killrweather.feed.chunks import Chunk, Chunker
from killrweather.feed.compression import MAGIC_BYTES, Budget, Gunzip, compression_of, zip_entries
from killrweather.feed.elements import Elements
from killrweather.feed.formats import DETECT_BYTES, FORMATS, Format, detect
from killrweather.feed.hours import WholeHours
from killrweather.feed.rejects import Reject, shown
from killrweather.model.observation import canonical_wsid
from killrweather.settings import Feed

_FILE_BLOCK_BYTES = 1 << 18
_NAMED_FAILURES = 5


@dataclass(frozen=True, slots=True)
class Piece:
    """Whole lines of one input with all that is needed to parse them."""

    source: str
    """The input's name; of a zip's entry, ``archive.zip/entry.csv``."""
    format: str
    first_line: int
    data: bytes
    """As in ``Chunk``; empty when there are only rejects."""
    header: bytes | None
    wsid: str | None
    rejects: tuple[Reject, ...]
    """Lines that were too long to be kept: count them as read and rejected."""


@dataclass(frozen=True, slots=True)
class Origin:
    """What is known of an input besides its bytes; what is None is found out from them."""

    name: str
    """A file name, or whatever errors should call it, such as ``body``."""
    format: Format | None = None
    content_type: str | None = None
    wsid: str | None = None


def read_path(path: Path, limits: Feed, format: Format | None = None, wsid: str | None = None) -> Iterator[Piece]:
    """The pieces of a file; FormatError when (the rest of) it can't be read, OSError when it can't be opened."""
    with path.open("rb") as file:
        yield from read_file(file, Origin(path.name, format, wsid=wsid), limits)


def read_file(file: IO[bytes], origin: Origin, limits: Feed) -> Iterator[Piece]:
    """The pieces of an open file or pipe; FormatError when (the rest of) it can't be read."""
    if file.seekable():
        first_bytes = file.read(MAGIC_BYTES)
        file.seek(0)
        if compression_of(first_bytes) == "zip":
            yield from _zip_pieces(file, origin, limits)
            return
    reader = InputReader(origin, limits)
    while block := file.read(_FILE_BLOCK_BYTES):
        yield from reader.feed(block)
    yield from reader.close()


class InputReader:
    """Reads one input block by block; exhaust what ``feed`` returns before the next call.

    FormatError means that the rest can't be read; the pieces before it are good and stay good.
    """

    def __init__(self, origin: Origin, limits: Feed):
        self._origin = origin
        self._limits = limits
        self._start = b""
        self._started = False
        self._text = _TextInput(origin, limits)
        self._gunzip: Gunzip | None = None
        self._zip: IO[bytes] | None = None

    def feed(self, block: bytes) -> Iterator[Piece]:
        """Take the next block; the pieces that are complete with it. A zip gives none before its end."""
        if not self._started:
            self._start += block
            if len(self._start) < MAGIC_BYTES:
                return
            block = self._begin()
        yield from self._read(block)

    def close(self) -> Iterator[Piece]:
        """The input has ended; its last pieces."""
        if not self._started:
            yield from self._read(self._begin())
        if self._zip is not None:
            with self._zip as file:
                yield from _zip_pieces(file, self._origin, self._limits)
            return
        if self._gunzip is not None:
            try:
                self._gunzip.close()
            except FormatError as error:
                yield from self._text.cut(error)
        yield from self._text.close()

    def _begin(self) -> bytes:
        self._started = True
        compression = compression_of(self._start)
        if compression == "gzip":
            self._gunzip = Gunzip(self._origin.name, _budget(self._origin, self._limits))
        elif compression == "zip":
            self._zip = TemporaryFile()  # noqa: SIM115 - lives until close; a spooled one has no seekable() in Python 3.10
        return self._start

    def _read(self, block: bytes) -> Iterator[Piece]:
        if self._zip is not None:
            self._zip.write(block)
        elif self._gunzip is not None:
            yield from self._text.read(self._gunzip.feed(block))
        else:
            yield from self._text.feed(block)


def _budget(origin: Origin, limits: Feed) -> Budget:
    return Budget(origin.name, limits.max_decompressed_bytes)


def _zip_pieces(file: IO[bytes], archive: Origin, limits: Feed) -> Iterator[Piece]:
    """The pieces of every entry; one that can't be read does not keep the others from it, and is named at the end."""
    failures: list[str] = []
    entries = 0
    for entry, blocks in zip_entries(file, archive.name, _budget(archive, limits)):
        entries += 1
        text = _TextInput(Origin(f"{archive.name}/{entry}", archive.format, wsid=archive.wsid), limits)
        try:
            yield from text.read(blocks)
            yield from text.close()
        except FormatError as error:
            failures.append(str(error))
    if not entries:
        raise FormatError(f"{archive.name}: the zip has no files in it")
    if failures:
        more = f"; and {len(failures) - _NAMED_FAILURES} more" if len(failures) > _NAMED_FAILURES else ""
        raise FormatError("; ".join(failures[:_NAMED_FAILURES]) + more)


class _TextInput:
    """One uncompressed input: recognises its format, takes its header off and knows its station."""

    def __init__(self, origin: Origin, limits: Feed):
        self._origin = origin
        self._chunker = Chunker(limits.chunk_bytes, limits.max_line_bytes)
        self._format: Format | None = None
        self._unread = b""
        self._elements: Elements | None = None
        self._hours: WholeHours | None = None
        self._header: bytes | None = None
        self._wsid: str | None = None

    def read(self, blocks: Iterable[bytes]) -> Iterator[Piece]:
        """Feed decompressed blocks; where they break off, the whole lines before are given first."""
        remaining = iter(blocks)
        while True:
            try:
                block = next(remaining, None)
            except FormatError as error:
                yield from self.cut(error)
            if block is None:
                return
            yield from self.feed(block)

    def feed(self, block: bytes) -> Iterator[Piece]:
        if self._format is None:
            self._unread += block
            if len(self._unread) < DETECT_BYTES:
                return
            block = self._begin()
        yield from self._pieces(self._chunker.feed(self._as_lines(block)))

    def close(self) -> Iterator[Piece]:
        if self._format is None:
            if not self._unread.strip(b"\xef\xbb\xbf \t\r\n"):
                expected = ", ".join(known.name for known in FORMATS)
                raise FormatError(f"{self._origin.name}: empty, expected observations as {expected}")
            yield from self._pieces(self._chunker.feed(self._as_lines(self._begin())))
        if self._elements is not None:
            try:
                self._elements.close()
            except FormatError as error:
                yield from self.cut(FormatError(f"{self._origin.name}: {error}"))
        yield from self._pieces(self._chunker.close())
        yield from self._last_hour()

    def cut(self, damage: FormatError) -> Iterator[Piece]:
        """Give the whole lines before the damage, then raise it with the line where it is."""
        if self._format is None and b"\n" in self._unread:
            yield from self._pieces(self._chunker.feed(self._as_lines(self._begin())))
        yield from self._pieces(self._chunker.cut())
        yield from self._last_hour()
        line, unit = self._chunker.next_line, "element" if self._elements else "line"
        raise FormatError(f"{damage}; cut at {unit} {line}, the {line - 1:,} {unit}s before it were read") from damage

    def _begin(self) -> bytes:
        """Decide on the format now that enough has been seen, and hand back what was seen."""
        first_bytes, self._unread = self._unread, b""
        origin = self._origin
        found = origin.format or detect(origin.name, first_bytes[:DETECT_BYTES], origin.content_type)
        self._wsid = self._station(found)
        self._elements = found.elements_of(first_bytes)
        self._format = found
        return first_bytes

    def _as_lines(self, block: bytes) -> bytes:
        return block if self._elements is None else self._elements.feed(block)

    def _station(self, found: Format) -> str | None:
        if not found.needs_station:
            return None
        wsid = self._origin.wsid or found.station_of(self._origin.name)
        if wsid is None:
            raise FormatError(
                f"{self._origin.name}: {found.name} lines don't name their station, "
                "expected a file name like 725030-14732-2008.gz, or the station as wsid=725030:14732"
            )
        try:
            return canonical_wsid(wsid)
        except BadRequest as error:
            raise FormatError(f"{self._origin.name}: {error}") from error

    def _pieces(self, chunks: Iterable[Chunk]) -> Iterator[Piece]:
        for chunk in chunks:
            if self._format is not None:
                if self._format.has_header and self._header is None:
                    chunk = self._take_header(chunk, self._format)
                yield from self._piece(chunk if self._hours is None else self._hours.feed(chunk), self._format)

    def _last_hour(self) -> Iterator[Piece]:
        """What was held back because more reports of its hour might have come."""
        last = self._hours.close() if self._hours is not None else None
        if last is not None and self._format is not None:
            yield from self._piece(last, self._format)

    def _take_header(self, chunk: Chunk, found: Format) -> Chunk:
        header, _, data = chunk.data.partition(b"\n")
        if not found.recognises(header.decode("utf-8", "replace")):
            raise FormatError(
                f'{self._origin.name}: header "{shown(header)}", expected the columns of the {found.title}'
            )
        if found.hour_of is not None:
            try:
                self._hours = WholeHours(found.hour_of(header))
            except FormatError as error:
                raise FormatError(f"{self._origin.name}: {error}") from error
        self._header = header
        return Chunk(chunk.first_line + 1, data, chunk.rejects)

    def _piece(self, chunk: Chunk, found: Format) -> Iterator[Piece]:
        if chunk.data or chunk.rejects:
            yield Piece(
                self._origin.name, found.name, chunk.first_line, chunk.data, self._header, self._wsid, chunk.rejects
            )
