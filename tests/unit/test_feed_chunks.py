from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from killrweather.feed.chunks import Chunker

LINES = st.lists(st.binary(max_size=12).map(lambda line: line.replace(b"\n", b"").rstrip(b"\r")), max_size=30)
LINE_ENDS = st.sampled_from([b"\n", b"\r\n"])


def cut(blocks, chunk_bytes=32, max_line_bytes=10_000):
    chunker = Chunker(chunk_bytes, max_line_bytes)
    chunks = [chunk for block in blocks for chunk in chunker.feed(block)]
    return chunks + chunker.close()


def numbered_lines(chunks):
    return [
        (chunk.first_line + at, line)
        for chunk in chunks
        for at, line in enumerate(chunk.data.split(b"\n")[:-1])
    ]  # fmt: skip


def split_at(data, places):
    edges = [0, *sorted(min(place, len(data)) for place in places), len(data)]
    return [data[start:end] for start, end in pairwise(edges)]


@given(LINES, LINE_ENDS, st.booleans(), st.booleans(), st.lists(st.integers(0, 400), max_size=20))
def test_the_lines_do_not_depend_on_where_the_blocks_are_cut(lines, end, has_bom, has_last_end, places):
    """BOM, kind of line end and a missing last newline are gone, wherever a block ended."""
    data = (b"\xef\xbb\xbf" if has_bom else b"") + end.join(lines) + (end if has_last_end and lines else b"")
    expected = list(enumerate(lines, start=1))
    if expected and not expected[-1][1] and not has_last_end:
        expected.pop()
    if not has_bom and data.startswith(b"\xef\xbb\xbf"):
        expected[0] = (1, expected[0][1][3:])

    assert numbered_lines(cut(split_at(data, places))) == expected


@given(LINES, st.integers(1, 9), st.lists(st.integers(0, 400), max_size=20))
def test_exactly_the_lines_that_are_too_long_are_rejected(lines, limit, places):
    """Every other line comes out with its own number."""
    data = b"".join(line + b"\n" for line in lines)
    if data.startswith(b"\xef\xbb\xbf"):
        return
    chunks = cut(split_at(data, places), max_line_bytes=limit)
    numbered = list(enumerate(lines, start=1))

    assert numbered_lines(chunks) == [(number, line) for number, line in numbered if len(line) <= limit]
    assert [reject.line for chunk in chunks for reject in chunk.rejects] == [
        number for number, line in numbered if len(line) > limit
    ]


def test_chunks_are_about_as_large_as_asked_for():
    """A chunk is whole lines up to chunk_bytes, unless one line alone is longer."""
    chunks = cut([b"123456789\n" * 1_000], chunk_bytes=4_096)

    assert {len(chunk.data) for chunk in chunks[:-1]} == {4_090}


def test_a_line_of_100_mb_is_rejected_without_being_held():
    """The line before and the line after it are read; memory stays at a block and a chunk."""
    chunker = Chunker(65_536, 65_536)
    blocks = [b"before\n", *([b"x" * 1_000_000] * 100), b"\nafter\n"]
    held = 0
    chunks = []
    for block in blocks:
        chunks += chunker.feed(block)
        held = max(held, len(chunker._buffer))
    chunks += chunker.close()

    assert numbered_lines(chunks) == [(1, b"before"), (3, b"after")]
    assert [(reject.line, reject.code) for chunk in chunks for reject in chunk.rejects] == [(2, "too-long")]
    assert held <= 1_100_000


def test_a_cut_input_gives_its_whole_lines_only():
    """What begins the next line can't be trusted, as its end is missing."""
    chunker = Chunker(1_000, 1_000)
    chunker.feed(b"one\ntwo\nthr")

    assert numbered_lines(chunker.cut()) == [(1, b"one"), (2, b"two")]
    assert chunker.next_line == 3
