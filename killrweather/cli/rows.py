"""A result as rows of plain values: how JSON's objects become the columns of CSV."""

import csv
import dataclasses
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, TextIO


def plain(value: Any) -> Any:
    """A value in what JSON has; a time as ISO 8601, in UTC with a Z."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set)):
        return [plain(item) for item in value]
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return value if isinstance(value, (str, int, float, bool, type(None))) else str(value)


def rows_of(value: Any) -> list[dict[str, Any]]:
    """The rows of a result: one for each of several values, else a single one.

    A column has the name that JSON has; what is inside of an object is ``object.field``.
    """
    values = plain(value)
    return [dict(_flat(one)) for one in (values if isinstance(values, list) else [values])]


def columns_of(rows: Iterable[Mapping[str, Any]], kind: Any = None) -> list[str]:
    """Every column that some row has, in their order; those of a dataclass ``kind`` even where there is no row."""
    names = [field.name for field in dataclasses.fields(kind)] if kind else []
    return list(dict.fromkeys([*names, *(name for row in rows for name in row)]))


def write_csv(rows: Iterable[Mapping[str, Any]], columns: Sequence[str], file: TextIO, header: bool = True) -> None:
    """The rows with a header, a line each; what is absent is empty, a list is JSON, true and false as JSON has them."""
    writer = csv.writer(_Lines(file))
    if header:
        writer.writerow(columns)
    for row in rows:
        writer.writerow([_cell(row.get(name)) for name in columns])


class _Lines:
    """Ends rows as Unix does. The writer itself has to end them with CR LF: only then it quotes a value with a CR."""

    def __init__(self, file: TextIO):
        self._file = file

    def write(self, row: str) -> int:
        return self._file.write(row.removesuffix("\r\n") + "\n")


def _cell(value: Any) -> Any:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, (bool, list)) else value


def _flat(value: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, item in value.items():
        if isinstance(item, Mapping):
            yield from _flat(item, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", item
