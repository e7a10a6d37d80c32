"""Which rows are observations, and why the others are none: the rules that hold for every format.

A format says for each canonical column which text it comes from and how that becomes a value. Good rows are met by
polars alone; a bad row is looked at on its own to say what is wrong.
"""

from calendar import monthrange
from dataclasses import dataclass
from math import isfinite
from typing import Any

import polars as pl

from killrweather.feed.lines import LINE, Table
from killrweather.feed.rejects import Code, Reject, shown
from killrweather.model.observation import (
    COLUMNS,
    FIRST_YEAR,
    TIME_COLUMNS,
    TRACE_MM,
    VALUE_COLUMNS,
    VALUE_FIELDS,
    WSID_EXPECTED,
    ValueField,
)

OBSERVATION_SCHEMA = pl.Schema(
    {
        "wsid": pl.String(),
        **{name: pl.Int32() for name in TIME_COLUMNS},
        **{field.name: pl.Int32() if field.type is int else pl.Float64() for field in VALUE_FIELDS},
    }
)
"""The canonical columns and types of accepted observations."""

_EMPTY = "empty"


@dataclass(frozen=True, slots=True)
class Parsed:
    """What became of a chunk, blank lines not counted."""

    observations: pl.DataFrame
    """The accepted rows in the order of their lines, columns and types of ``OBSERVATION_SCHEMA``."""
    rejects: list[Reject]
    """In the order of their lines."""

    @property
    def rejected(self) -> int:
        """Rows that are none."""
        return len(self.rejects)

    @property
    def read(self) -> int:
        """All rows: the accepted and the rejected ones."""
        return self.observations.height + self.rejected


@dataclass(frozen=True, slots=True)
class ColumnSource:
    """Where a canonical column comes from."""

    field: str
    """The input's own name for it, as rejects give it."""
    text: str
    """The column that rejects show: the text, or the number itself where the input has numbers."""
    value: pl.Expr
    """The text as a value in the canonical unit; null where it is missing or can't be read."""
    is_missing: pl.Expr | None = None
    """Where nothing was stated, never null; a key column is never missing."""
    unreadable: tuple[Code, str] | None = None
    """The fault of a text without a value, and what was expected; None for a number."""
    is_converted: bool = False
    """The text has another unit than the value, so rejects give both."""


@dataclass(frozen=True, slots=True)
class _Rule:
    column: str
    source: ColumnSource
    is_broken: pl.Expr
    expected: str
    code: Code
    """The fault of a text that can be read, but whose value is not allowed."""
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Sifted:
    """The rows of a chunk that break no rule, with all their columns and the canonical ones, and the rejects."""

    rows: pl.DataFrame
    rejects: list[Reject]
    """In the order of their lines."""


class Checker:
    """The rules of one format, made ready once: to build them takes longer than to check a row.

    With ``may_be_empty`` a row without any value breaks none.
    """

    def __init__(self, sources: dict[str, ColumnSource], last_year: int, may_be_empty: bool = False):
        self._values = [sources[name].value.alias(name) for name in OBSERVATION_SCHEMA]
        self._rules = [
            *_key_rules(sources, last_year),
            *(_value_rule(field, sources[field.name]) for field in VALUE_FIELDS),
        ]
        is_empty = pl.lit(False) if may_be_empty else pl.all_horizontal(pl.col(VALUE_COLUMNS).is_null())
        self._broken = [*(rule.is_broken.alias(rule.column) for rule in self._rules), is_empty.alias(_EMPTY)]
        self._is_bad = pl.any_horizontal(pl.all())
        self._first_fault = pl.coalesce(pl.when(fault).then(i) for i, fault in enumerate([*COLUMNS, _EMPTY]))

    def check(self, table: Table) -> Parsed:
        """Tell observations from rejects, with those that the table has already."""
        sifted = self.sift(table)
        return Parsed(sifted.rows.select(OBSERVATION_SCHEMA.names()), sifted.rejects)

    def sift(self, table: Table) -> Sifted:
        """Tell good rows from rejects, with those that the table has already."""
        rows = table.rows.with_columns(self._values)
        broken = rows.select(self._broken)
        is_bad = broken.select(self._is_bad).to_series()
        rejects = table.rejects
        if is_bad.any():
            bad = rows.filter(is_bad)
            faults = broken.filter(is_bad).select(self._first_fault).to_series()
            explained = zip(bad.iter_rows(named=True), faults, strict=True)
            rejects = rejects + [self._reject(row, fault) for row, fault in explained]
            rows = rows.filter(~is_bad)
        return Sifted(rows, in_order(rejects))

    def _reject(self, row: dict[str, Any], fault: int) -> Reject:
        if fault == len(self._rules):
            return empty_reject(row[LINE])
        rule = self._rules[fault]
        source, value = rule.source, row[rule.column]
        code, reason = rule.code, f"expected {rule.expected}"
        if value is None or not isfinite(value):
            if source.unreadable is not None:
                code, expected = source.unreadable
                reason = f"expected {expected}"
            else:
                whole = "whole " if OBSERVATION_SCHEMA[rule.column] == pl.Int32 else ""
                code, reason = "number", f"not a {whole}number, {reason}"
        elif rule.column == "day":
            days = monthrange(row["year"], row["month"])[1]
            reason = f"expected 1…{days} in {row['year']}-{row['month']:02}"
        elif source.is_converted:
            reason = f"that is {f'{value:.6g} {rule.unit}'.strip()}, {reason}"
        return Reject(row[LINE], source.field, shown(_as_text(row[source.text])), reason, code)


def empty_reject(line: int) -> Reject:
    """Why an observation that states nothing is none."""
    return Reject(line, None, "", f"no value, expected one of {', '.join(VALUE_COLUMNS)}", "empty")


def in_order(rejects: list[Reject]) -> list[Reject]:
    """Rejects in the order of their lines."""
    return sorted(rejects, key=lambda reject: reject.line)


def _as_text(value: str | float | None) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else repr(value).removesuffix(".0")


def _key_rules(sources: dict[str, ColumnSource], last_year: int) -> list[_Rule]:
    """The station, and a real hour of the calendar; each rule may rely on those before it."""
    year, month = pl.col("year"), pl.col("month")
    is_leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    is_short = month.is_in([4, 6, 9, 11])
    days = 31 - is_short.cast(pl.Int32) - pl.when(month == 2).then(3 - is_leap.cast(pl.Int32)).otherwise(0)

    def within(column: str, low: int, high: int | pl.Expr, expected: str, code: Code) -> _Rule:
        is_broken = ~pl.col(column).is_between(low, high).fill_null(False)
        return _Rule(column, sources[column], is_broken, expected, code)

    return [
        _Rule("wsid", sources["wsid"], pl.col("wsid").is_null(), WSID_EXPECTED, "wsid"),
        within("year", FIRST_YEAR, last_year, f"{FIRST_YEAR}…{last_year}", "range"),
        within("month", 1, 12, "1…12", "calendar"),
        within("day", 1, days, "1…31", "calendar"),
        within("hour", 0, 23, "0…23", "calendar"),
    ]


def _value_rule(field: ValueField, source: ColumnSource) -> _Rule:
    value = pl.col(field.name)
    is_plausible = value.is_between(field.low, field.high)
    if field.trace:
        is_plausible |= value == TRACE_MM
    is_broken = ~is_plausible.fill_null(False)
    if source.is_missing is not None:
        is_broken &= ~source.is_missing
    return _Rule(field.name, source, is_broken, field.range, "range", field.unit)
