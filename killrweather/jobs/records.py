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
"""The columns of a Kafka record that ``checked`` keeps: where it was, and what it was."""

_CORRUPT = "corrupt"
_SHOWN_CHARACTERS = 80


def checked(records: DataFrame, last_year: int, oldest_day: str | None = None) -> DataFrame:
    """Observations of Kafka records: the canonical columns, ``rejected``, its ``reason``, and the record's ``PLACE``.

    ``oldest_day`` (YYYY-MM-DD) is the first day of which no hour may have expired; earlier ones are rejected.
    """
    row = F.from_csv(
        F.col("value").cast("string"), f"{_SCHEMA}, {_CORRUPT} string", {"columnNameOfCorruptRecord": _CORRUPT}
    )
    parsed = records.select(*PLACE, row.alias("row")).select(*PLACE, "row.*")
    stated = parsed.withColumns({field.name: _stated(field) for field in VALUE_FIELDS})
    checks = _checks(last_year, oldest_day)
    rejected = reduce(Column.__or__, (condition for condition, _ in checks))
    first, *others = checks
    reason = reduce(lambda case, check: case.when(*check), others, F.when(*first))
    return stated.select(*COLUMNS, F.coalesce(rejected, F.lit(False)).alias("rejected"), reason.alias("reason"), *PLACE)


def write_time_us(epochs_us: Mapping[int, int]) -> Column:
    """The write time of a record's row: the epoch of its partition plus its offset, in µs."""
    pairs = [F.lit(number) for pair in sorted(epochs_us.items()) for number in pair]
    return F.element_at(F.create_map(*pairs), F.col("partition")) + F.col("offset")


def _stated(field: ValueField) -> Column:
    column = F.col(field.name)
    return column if field.missing is None else F.when(column != F.lit(field.missing), column)


def _checks(last_year: int, oldest_day: str | None) -> list[tuple[Column, Column]]:
    """What may be wrong with a row, in the order in which it is looked for, each with its words."""
    text = F.col("value").cast("string")
    date = F.make_date("year", "month", "day")
    checks = [
        (F.col("value").isNull(), F.lit("empty record")),
        (text.contains("\n") | text.contains("\r"), F.lit("more than one line")),
        (F.col(_CORRUPT).isNotNull() | F.col("wsid").isNull(), _unreadable(text)),
        (~F.col("wsid").rlike(CANONICAL_WSID), _found("wsid", WSID_EXPECTED)),
        (
            ~F.coalesce(date.isNotNull() & F.col("hour").between(0, 23), F.lit(False)),
            F.concat(F.lit("time "), F.concat_ws("-", *TIME_COLUMNS), F.lit(": expected a year, month, day and hour")),
        ),
        (~F.col("year").between(FIRST_YEAR, last_year), _found("year", f"{FIRST_YEAR}…{last_year}")),
        *((_outside(field), _found(field.name, field.range)) for field in VALUE_FIELDS),
        (F.coalesce(*(F.col(name).cast("double") for name in VALUE_COLUMNS)).isNull(), F.lit("empty")),
    ]
    if oldest_day is not None:
        checks.append((date < F.lit(oldest_day).cast("date"), F.lit("older-than-retention")))
    return checks


def _outside(field: ValueField) -> Column:
    column = F.col(field.name)
    inside = column.between(field.low, field.high)
    return ~(inside | (column == TRACE_MM)) if field.trace else ~inside


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
