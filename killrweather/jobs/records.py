"""Records of the raw topic as observations, each with the reason why it is none, if it is none.

Any producer may write to the topic, so everything is checked again here, with the feed's own tables.
"""

from collections.abc import Mapping
from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from killrweather.model.observation import (
    CANONICAL_WSID,
    COLUMNS,
    FIRST_YEAR,
    TIME_COLUMNS,
    TRACE_MM,
    VALUE_COLUMNS,
    VALUE_FIELDS,
    WSID_EXPECTED,
    ValueField,
)

_TYPES = {name: "int" for name in TIME_COLUMNS} | {
    field.name: "int" if field.type is int else "double" for field in VALUE_FIELDS
}
_SCHEMA = ", ".join(f"{name} {_TYPES.get(name, 'string')}" for name in COLUMNS)

PLACE = ("topic", "partition", "offset", "key", "value")
"""The columns of a Kafka record that ``parsed`` keeps: where it was, and what it was."""

_CORRUPT = "corrupt"
_SHOWN_CHARACTERS = 80

_LONGEST_RECORD = 4_096
"""Bytes; a good record has fewer than 200. Spark's CSV parser fails the job at a line of more than 20,480 columns."""


_DECIMAL = r'^[^,]*+[-+0-9.eE" ,]*+$'
_NOT_DECIMAL = r',([^,]*[^-+0-9.eE" ,][^,]*)'
"""After the station there are only decimal numbers. Java reads more: 10d, 0x1p3."""


def parsed(records: DataFrame, epochs_us: Mapping[int, int], ttl_s: int = 0) -> DataFrame:
    """Observations of Kafka records: the canonical columns, ``write_time`` in µs, ``rejected``, and the ``PLACE``.

    The write time is the epoch of the record's partition plus its offset. With a ``ttl_s`` a day of which an hour may
    have expired is rejected.
    """
    readable = F.when(F.length("value") <= _LONGEST_RECORD, F.col("value").cast("string"))
    row = F.from_csv(readable, f"{_SCHEMA}, {_CORRUPT} string", {"columnNameOfCorruptRecord": _CORRUPT})
    rows = records.select(*PLACE, row.alias("row")).select(*PLACE, "row.*")
    stated = rows.withColumns({field.name: _stated(field) for field in VALUE_FIELDS})
    rejected = reduce(Column.__or__, (is_wrong for is_wrong, *_ in _checks(ttl_s)))
    return stated.select(
        *COLUMNS,
        _write_time(epochs_us).alias("write_time"),
        F.coalesce(rejected, F.lit(False)).alias("rejected"),
        F.col(_CORRUPT).isNotNull().alias(_CORRUPT),
        *PLACE,
    )


def reason(ttl_s: int = 0) -> Column:
    """The first thing that is wrong with a rejected row of ``parsed``, in words."""
    return _first([(is_wrong, words) for is_wrong, _, words in _checks(ttl_s, F.col(_CORRUPT))])


def code(ttl_s: int = 0) -> Column:
    """The kind of fault that ``reason`` has the words for, one of the feed's codes."""
    return _first([(is_wrong, code) for is_wrong, code, _ in _checks(ttl_s, F.col(_CORRUPT))])


def _first(cases: list[tuple[Column, Column]]) -> Column:
    first, *others = cases
    return reduce(lambda case, check: case.when(*check), others, F.when(*first))


def _write_time(epochs_us: Mapping[int, int]) -> Column:
    pairs = [F.lit(number) for pair in sorted(epochs_us.items()) for number in pair]
    return F.element_at(F.create_map(*pairs), F.col("partition")) + F.col("offset")


def _stated(field: ValueField) -> Column:
    column = F.col(field.name)
    return column if field.missing is None else F.when(column != F.lit(field.missing), column)


def _checks(ttl_s: int, corrupt: Column | None = None) -> list[tuple[Column, Column, Column]]:
    """What may be wrong with a row, in the order in which it is looked for, each with its code and its words."""
    corrupt = F.col(_CORRUPT).isNotNull() if corrupt is None else corrupt
    last_year = F.year(F.current_date()) + 1
    text = F.col("value").cast("string")
    date = F.make_date("year", "month", "day")
    checks = [
        (F.col("value").isNull(), F.lit("empty"), F.lit("empty record")),
        (text.contains("\n") | text.contains("\r"), F.lit("lines"), F.lit("more than one line")),
        (corrupt | F.col("wsid").isNull(), _unreadable_code(text), _unreadable(text)),
        (~F.col("wsid").rlike(CANONICAL_WSID), F.lit("wsid"), _found("wsid", WSID_EXPECTED)),
        (
            ~F.coalesce(date.isNotNull() & F.col("hour").between(0, 23), F.lit(False)),
            F.lit("calendar"),
            F.concat(F.lit("time "), F.concat_ws("-", *TIME_COLUMNS), F.lit(": expected a year, month, day and hour")),
        ),
        (
            ~F.col("year").between(FIRST_YEAR, last_year),
            F.lit("range"),
            _found("year", f"a year from {FIRST_YEAR} to the next one"),
        ),
        *((_outside(field), F.lit("range"), _found(field.name, field.range)) for field in VALUE_FIELDS),
        (F.coalesce(*(F.col(name).cast("double") for name in VALUE_COLUMNS)).isNull(), F.lit("empty"), F.lit("empty")),
        (
            ~text.rlike(_DECIMAL),
            F.lit("number"),
            _quoted("field", F.regexp_extract(text, _NOT_DECIMAL, 1), "a decimal number"),
        ),
    ]
    if ttl_s:
        # The first day of which no hour can be older than the time that raw rows live.
        first_day = F.expr(f"date_add(to_date(current_timestamp() - interval {ttl_s} seconds), 1)")
        old = F.lit("older-than-retention")
        checks.append((date < first_day, old, old))
    return checks


def _outside(field: ValueField) -> Column:
    column = F.col(field.name)
    inside = column.between(field.low, field.high)
    return ~(inside | (column == TRACE_MM)) if field.trace else ~inside


def _unreadable_code(text: Column) -> Column:
    columns = F.size(F.split(text, ",", -1))
    return F.when(columns != len(COLUMNS), F.lit("columns")).otherwise(F.lit("number"))


def _unreadable(text: Column) -> Column:
    """What the CSV parser stumbled over: the number of columns, or the first field that is not of its type."""
    fields = F.split(text, ",", -1)
    number = F.size(fields)
    case = F.when(number != len(COLUMNS), F.concat(number.cast("string"), F.lit(f" columns: expected {len(COLUMNS)}")))
    for index, name in enumerate(COLUMNS):
        if name in _TYPES:
            field = fields[index]
            wrong = (field != "") & (
                field.cast("double").isNull() if _TYPES[name] == "double" else ~field.rlike(r"^[+-]?\d{1,9}$")
            )
            expected = "a number" if _TYPES[name] == "double" else "a whole number"
            case = case.when(wrong, _quoted(name, field, expected))
    return case.otherwise(_quoted("record", text, "an hourly CSV line"))


def _found(name: str, expected: str) -> Column:
    return _quoted(name, F.col(name).cast("string"), expected)


def _quoted(name: str, value: Column, expected: str) -> Column:
    return F.concat(F.lit(f'{name} "'), F.substring(value, 1, _SHOWN_CHARACTERS), F.lit(f'": expected {expected}'))
