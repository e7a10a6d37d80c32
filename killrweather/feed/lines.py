"""The lines of a chunk as a frame of text columns: split vectorised, and never failing on any bytes."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import polars as pl

from killrweather.feed.rejects import Reject, shown

LINE = "line"
"""The column with each line's number, counted from 1 in the whole input."""

# Put behind every line as a column of its own, it shows where the line ended: polars fills short lines up.
# It stands in no text, so a line that contains it is junk.
_END = "\x1e"
# What makes a line junk. U+FFFD is what decoding puts in the place of bytes that are not UTF-8, here or in an earlier
# step. A carriage return and a BOM belong to line ends and the input's beginning, and the chunker took them off there;
# polars would drop others in silence, a BOM only where a chunk happens to begin with it.
_JUNK = (_END, "\r", "\ufffd", "\ufeff")
_IS_BLANK = pl.col("c0").str.strip_chars(" \t") == ""


@dataclass(frozen=True, slots=True)
class Table:
    """A chunk's lines of the right shape, as text; the others as rejects."""

    rows: pl.DataFrame
    """``LINE`` and the columns ``c0``, ``c1``, …; nothing is null."""
    rejects: list[Reject]


def text_column(position: int) -> str:
    """The name of the column at a position, counted from 0."""
    return f"c{position}"


def split_columns(
    data: bytes, first_line: int, width: int, separator: str = ",", positions: Sequence[int] | None = None
) -> Table:
    """Split lines into columns; those without exactly ``width`` of them are rejected, blank ones are not counted.

    Blanks around a field and quotes around it are taken off. No field of an observation contains a separator, a quote
    or a line end, so nothing else of CSV's quoting is needed, and a quote left open spoils no line but its own.
    Only the columns at ``positions`` are made, if they are given.
    """
    numbers, readable, junk = _without_junk(data, first_line)
    wanted = None if positions is None else sorted({0, 1, *positions, width})
    ended = readable.replace(b"\n", f"{separator}{_END}\n".encode())
    rows = _read_csv(ended, separator, width + 1, wanted).with_columns(numbers)
    is_whole = pl.col(text_column(width)) == _END
    whole = rows.filter(is_whole)
    misshapen: list[Reject] = []
    if whole.height < rows.height:
        is_blank = _IS_BLANK & (pl.col("c1") == _END)
        odd = rows.filter(~is_whole & ~is_blank)[LINE]
        originals = data.split(b"\n")
        misshapen = [_misshapen(line, originals[line - first_line], separator, width) for line in odd]
    if b" " in data or b"\t" in data:
        whole = whole.with_columns(pl.col(pl.String).str.strip_chars(" \t"))
    if b'"' in data:
        whole = whole.with_columns(pl.col(pl.String).str.replace('^"(.*)"$', "${1}"))
    return Table(whole, _explained(junk) + misshapen)


def split_lines(data: bytes, first_line: int) -> Table:
    """Lines as they are, in the one column ``c0``; blank ones are not counted."""
    numbers, readable, junk = _without_junk(data, first_line)
    rows = _read_csv(readable, _END, 1).with_columns(numbers).filter(~_IS_BLANK)
    return Table(rows, _explained(junk))


def _without_junk(data: bytes, first_line: int) -> tuple[pl.Series, bytes, list[tuple[int, bytes]]]:
    """The numbers of the lines that are text, those lines, and the others with theirs."""
    numbers = _line_numbers(first_line, data.count(b"\n"))
    if _is_clean(data):
        return numbers, data, []
    lines = data.split(b"\n")[:-1]
    text = pl.Series(data.decode("utf-8", "replace").split("\n")[:-1], dtype=pl.String)
    is_junk = text.str.contains_any(list(_JUNK))
    readable = "".join(f"{line}\n" for line in text.filter(~is_junk)).encode()
    junk = [(line, lines[line - first_line]) for line in numbers.filter(is_junk)]
    return numbers.filter(~is_junk), readable, junk


def _is_clean(data: bytes) -> bool:
    if any(mark.encode() in data for mark in _JUNK):
        return False
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _line_numbers(first_line: int, count: int) -> pl.Series:
    return pl.int_range(first_line, first_line + count, eager=True).alias(LINE)


@lru_cache
def _text_schema(width: int) -> pl.Schema:
    return pl.Schema({text_column(position): pl.String() for position in range(width)})


def _read_csv(data: bytes, separator: str, width: int, positions: Sequence[int] | None = None) -> pl.DataFrame:
    schema = _text_schema(width)
    if not data:
        return pl.DataFrame(schema=schema)
    return pl.read_csv(
        data,
        has_header=False,
        separator=separator,
        schema=schema,
        columns=positions,
        quote_char=None,
        empty_string_is_null=False,
        missing_columns="insert",
        extra_columns="ignore",
        truncate_ragged_lines=True,
    )


def _explained(junk: list[tuple[int, bytes]]) -> list[Reject]:
    return [
        Reject(line, None, shown(text), "not plain UTF-8 text: wrong bytes, or a stray control character", "encoding")
        for line, text in junk
    ]


def _misshapen(line: int, text: bytes, separator: str, width: int) -> Reject:
    columns = text.count(separator.encode()) + 1
    return Reject(line, None, shown(text), f"{columns} columns, expected {width}", "columns")
