"""Compressed inputs as streams of bounded blocks: gzip as it arrives, zip from a seekable file."""

import zipfile
import zlib
from collections.abc import Iterator
from pathlib import PurePosixPath, PureWindowsPath
from typing import IO, Any, Literal

from killrweather.errors import FormatError

Compression = Literal["gzip", "zip"]

MAGIC_BYTES = 4
"""How much of an input ``compression_of`` needs to see."""

_BLOCK_BYTES = 1 << 20
_DIRECTORY_BYTES = 8 << 20
"""Of a zip's table of contents: some 100,000 files, and 100 MB of memory while they are read."""

_GZIP_WINDOW = 16 + zlib.MAX_WBITS


def compression_of(first_bytes: bytes) -> Compression | None:
    """How an input is compressed, told from its first bytes; None is plain."""
    if first_bytes.startswith(b"\x1f\x8b"):
        return "gzip"
    return "zip" if first_bytes.startswith((b"PK\x03\x04", b"PK\x05\x06")) else None


class Budget:
    """How many decompressed bytes one input may become, whatever its own headers claim."""

    def __init__(self, name: str, max_bytes: int):
        self._name = name
        self._max_bytes = max_bytes
        self._left = max_bytes

    def spend(self, size: int) -> None:
        """Count a block; FormatError if the input has become too large."""
        self._left -= size
        if self._left < 0:
            raise FormatError(
                f"{self._name}: more than {self._max_bytes:,} bytes when decompressed (feed.max_decompressed_bytes)"
            )


class Gunzip:
    """Decompresses one gzip stream of one or more members."""

    def __init__(self, name: str, budget: Budget):
        self._name = name
        self._budget = budget
        self._member = zlib.decompressobj(_GZIP_WINDOW)
        self._may_end = False
        self._holds_more = False

    def feed(self, block: bytes) -> Iterator[bytes]:
        """Decompressed blocks; FormatError where the data is damaged, after everything before the damage."""
        while block or self._holds_more:
            if self._may_end:
                block = block.lstrip(b"\0")  # tape blocks pad a stream with zeros
                if not block:
                    return
                self._member = zlib.decompressobj(_GZIP_WINDOW)
            spare = self._member.copy()
            try:
                part = self._member.decompress(block, _BLOCK_BYTES)
            except zlib.error as error:
                yield from self._until_damage(spare, block)
                raise FormatError(f"{self._name}: the gzip data is damaged ({error})") from error
            self._budget.spend(len(part))
            yield part
            self._may_end = self._member.eof
            self._holds_more = len(part) == _BLOCK_BYTES and not self._may_end
            block = self._member.unused_data if self._may_end else self._member.unconsumed_tail

    def close(self) -> None:
        """The input has ended; FormatError if its gzip data has not."""
        if not self._may_end:
            raise FormatError(f"{self._name}: the gzip data ends too early: was the file copied or sent completely?")

    def _until_damage(self, member: "zlib._Decompress", block: bytes) -> Iterator[bytes]:
        """zlib drops the output of a call that fails, so the failed block is read again, byte by byte."""
        for at in range(len(block)):
            try:
                part = member.decompress(block[at : at + 1])
            except zlib.error:
                return
            self._budget.spend(len(part))
            yield part


def zip_entries(file: IO[bytes], name: str, budget: Budget) -> Iterator[tuple[str, Iterator[bytes]]]:
    """The files of a zip in their order, each with its name and its blocks.

    FormatError before the first of them if the archive is damaged, or an entry is encrypted, is compressed in itself,
    or has a path that is absolute or climbs out: such an archive is not what it seems. Blocks raise it for damage.
    """
    bounded: Any = _BoundedDirectory(file, name)
    try:
        archive = zipfile.ZipFile(bounded)
    except (zipfile.BadZipFile, NotImplementedError, OSError, ValueError) as error:
        raise FormatError(f"{name}: the zip is damaged or was cut off ({error})") from error
    with archive:
        entries = [entry for entry in archive.infolist() if not entry.is_dir()]
        for entry in entries:
            _check(entry, name)
        for entry in entries:
            if not entry.filename.startswith("__MACOSX/"):
                yield entry.filename, _blocks(archive, entry, name, budget)


class _BoundedDirectory:
    """A zip's file that refuses to read a huge table of contents, which zipfile takes whole and makes objects of."""

    def __init__(self, file: IO[bytes], name: str):
        self._file, self._name = file, name

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def read(self, size: int = -1) -> bytes:
        if size > _DIRECTORY_BYTES:
            raise FormatError(
                f"{self._name}: the zip's table of contents has {size:,} bytes, expected at most {_DIRECTORY_BYTES:,}:"
                " pack fewer files into one zip"
            )
        return self._file.read(size)


def _check(entry: zipfile.ZipInfo, name: str) -> None:
    path, windows_path = PurePosixPath(entry.filename), PureWindowsPath(entry.filename)
    if path.is_absolute() or windows_path.drive or windows_path.root or ".." in windows_path.parts:
        raise FormatError(f'{name}: entry "{entry.filename}" has a path outside the archive, expected a relative one')
    if entry.flag_bits & 0x1:
        raise FormatError(f'{name}: entry "{entry.filename}" is encrypted, expected a zip without a password')
    if path.suffix.lower() in (".zip", ".gz"):
        raise _nested(entry, name)


def _nested(entry: zipfile.ZipInfo, name: str) -> FormatError:
    return FormatError(f'{name}: entry "{entry.filename}" is compressed in itself: unpack the zip and load its files')


def _blocks(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, name: str, budget: Budget) -> Iterator[bytes]:
    try:
        with archive.open(entry) as content:
            first = True
            while block := content.read(_BLOCK_BYTES):
                budget.spend(len(block))
                if first and compression_of(block):
                    raise _nested(entry, name)
                first = False
                yield block
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError, ValueError) as error:
        raise FormatError(f'{name}: entry "{entry.filename}" is damaged ({error or "it ends too early"})') from error
