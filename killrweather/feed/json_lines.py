"""JSON: one object a line, with the canonical names; numbers or null."""

import json
import re
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from difflib import get_close_matches
from functools import lru_cache
from math import inf
from typing import Any, NoReturn

import polars as pl

from killrweather.errors import KillrWeatherError
from killrweather.feed.checks import OBSERVATION_SCHEMA, Checker, ColumnSource, Parsed
from killrweather.feed.lines import LINE, Table, split_lines
from killrweather.feed.rejects import Code, Reject, shown
from killrweather.feed.wsids import canonical_wsids
from killrweather.model.observation import COLUMNS, TIME_COLUMNS, VALUE_FIELDS, WSID_EXPECTED

_TIMESTAMP = "timestamp"
_FIELDS = frozenset((*COLUMNS, _TIMESTAMP))
_WSID_TEXT = "wsid_text"
_TIME_EXPECTED = "an ISO 8601 time with its offset, such as 2008-02-29T13:00:00Z"
_ISO_TIME = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt ]([0-9]{2})(?::?([0-9]{2})(?::?([0-9]{2})(?:[.,][0-9]+)?)?)?"
    r"(?:([Zz])|([+-])([0-9]{2})(?::?([0-9]{2}))?)?"
)
_RANGES = {field.name: field.range for field in VALUE_FIELDS} | {
    "year": "a year", "month": "1…12", "day": "1…31", "hour": "0…23"
}  # fmt: skip


class _BadObject(KillrWeatherError):
    """An object that is no observation: what its reject says."""

    def __init__(self, field: str | None, value: str, reason: str, code: Code):
        super().__init__(reason)
        self.field, self.value, self.reason, self.code = field, value, reason, code


def parse(data: bytes, first_line: int, last_year: int) -> Parsed:
    """Observations and rejects of whole lines."""
    table = split_lines(data, first_line)
    rejects: list[Reject] = []
    lines: list[int] = []
    rows: list[list[Any]] = []
    for line, text in table.rows.select(LINE, "c0").iter_rows():
        try:
            rows.append(_row(text))
        except _BadObject as bad:
            rejects.append(Reject(line, bad.field, shown(bad.value), bad.reason, bad.code))
        else:
            lines.append(line)
    columns = zip(*rows, strict=True) if rows else ((),) * len(COLUMNS)
    schema = {_WSID_TEXT: pl.String(), **{name: OBSERVATION_SCHEMA[name] for name in COLUMNS[1:]}}
    frame = pl.DataFrame(
        [pl.Series(LINE, lines, pl.Int64)]
        + [pl.Series(name, values, type_) for (name, type_), values in zip(schema.items(), columns, strict=True)]
    )
    frame = frame.with_columns(canonical_wsids(frame[_WSID_TEXT]).alias(COLUMNS[0]))
    return _checker(last_year).check(Table(frame, table.rejects + rejects))


@lru_cache(maxsize=2)
def _checker(last_year: int) -> Checker:
    return Checker(
        {
            "wsid": ColumnSource("wsid", _WSID_TEXT, pl.col("wsid"), unreadable=("wsid", WSID_EXPECTED)),
            **{name: ColumnSource(name, name, pl.col(name)) for name in TIME_COLUMNS},
            **{one.name: ColumnSource(one.name, one.name, pl.col(one.name), pl.col(one.name).is_null())
               for one in VALUE_FIELDS},
        },
        last_year,
    )  # fmt: skip


def _row(text: str) -> list[Any]:
    """The values of an object in the order of the canonical columns; raises _BadObject."""
    found = _object(text)
    if not found.keys() <= _FIELDS:
        raise _unknown_field(next(name for name in found if name not in _FIELDS), found)
    if _TIMESTAMP in found:
        _state_time(found)
    wsid = found.get("wsid")
    if not isinstance(wsid, str) or not wsid.isascii():
        raise _BadObject("wsid", _json(wsid), f"expected {WSID_EXPECTED}, as a text", "wsid")
    return [wsid, *(check(name, found.get(name)) for name, check in _CHECKS)]


def _object(text: str) -> dict[str, Any]:
    try:
        found = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        reason = f"not JSON: {error.msg} at character {error.pos + 1}, expected an object"
        raise _BadObject(None, text, reason, "json") from None
    except (ValueError, RecursionError) as error:
        raise _BadObject(None, text, f"not JSON that can be read: {error}", "json") from None
    if not isinstance(found, dict):
        raise _BadObject(None, text, "not a JSON object, expected one with wsid, time and values", "json")
    return found


def _unknown_field(name: str, found: dict[str, Any]) -> _BadObject:
    meant = get_close_matches(name, _FIELDS, 1)
    hint = f"did you mean {meant[0]}?" if meant else f"expected {', '.join(COLUMNS)} or {_TIMESTAMP}"
    return _BadObject(shown(name), _json(found[name]), f"unknown field, {hint}", "field")


def _state_time(found: dict[str, Any]) -> None:
    """Put the UTC year, month, day and hour of the timestamp in."""
    text = found[_TIMESTAMP]
    both = [name for name in TIME_COLUMNS if name in found]
    if both:
        reason = f"came with {', '.join(both)}, expected either it or {', '.join(TIME_COLUMNS)}"
        raise _BadObject(_TIMESTAMP, _json(text), reason, "calendar")
    match = _ISO_TIME.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise _BadObject(_TIMESTAMP, _json(text), f"expected {_TIME_EXPECTED}", "calendar")
    day, hour, minute, second, utc, sign, offset_hours, offset_minutes = match.groups()
    if not utc and not sign:
        raise _BadObject(_TIMESTAMP, text, f"no offset from UTC, expected {_TIME_EXPECTED}", "calendar")
    try:
        local = datetime.fromisoformat(f"{day}T{hour}:{minute or '00'}:{second or '00'}")
        offset = timedelta(hours=int(offset_hours or 0), minutes=int(offset_minutes or 0))
        zone = timezone(-offset if sign == "-" else offset)
        moment = local.replace(tzinfo=zone).astimezone(timezone.utc)
    except (ValueError, OverflowError):
        raise _BadObject(_TIMESTAMP, text, f"no such time, expected {_TIME_EXPECTED}", "calendar") from None
    found.update(year=moment.year, month=moment.month, day=moment.day, hour=moment.hour)


def _number(name: str, value: Any) -> float | None:
    if type(value) is float or value is None:
        return value
    if type(value) is not int:
        raise _not_a_number(name, value, "a number")
    try:
        return float(value)
    except OverflowError:
        return inf


def _whole_number(name: str, value: Any) -> int | None:
    if type(value) is float and value.is_integer():
        value = int(value)
    if value is None or (type(value) is int and -(2**31) <= value < 2**31):
        return value
    raise _not_a_number(name, value, "a whole number")


def _whole_time(name: str, value: Any) -> int:
    if value is None:
        others = f"expected {', '.join(TIME_COLUMNS)} in UTC, or {_TIMESTAMP} instead of them"
        raise _BadObject(name, "", f"missing, {others}", "calendar")
    return _whole_number(name, value) or 0


def _not_a_number(name: str, value: Any, expected: str) -> _BadObject:
    kind = "a text" if isinstance(value, str) else f"not {expected}"
    return _BadObject(name, _json(value), f"{kind}, expected {expected}: {_RANGES[name]}", "number")


def _json(value: Any) -> str:
    return "" if value is None else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


_CHECKS: list[tuple[str, Callable[[str, Any], float | None]]] = [
    *((name, _whole_time) for name in TIME_COLUMNS),
    *((field.name, _whole_number if field.type is int else _number) for field in VALUE_FIELDS),
]


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise _BadObject(shown(twice), "", "stated twice, expected each field once", "field")
    return found


def _constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number of JSON")


_DECODER = json.JSONDecoder(object_pairs_hook=_pairs, parse_constant=_constant)
