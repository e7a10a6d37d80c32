"""Every row of every table against what was acknowledged, counted."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
from exact_tables import Tables
from pandas_truth import AGGREGATES, aggregate, last_stated

from killrweather.model.observation import COLUMNS, KEY_COLUMNS, VALUE_COLUMNS
from killrweather.settings import Settings

_TOLERANCE = 1e-9
_SHOWN = 5


@dataclass
class Comparison:
    """What is in the tables and what should be."""

    acknowledged: int
    """Rows, repeats among them."""
    hours: int
    """Of stations: rows that raw_weather_data must hold."""
    aggregates: int
    """Days, months and years that must be there, of all tables."""
    lost: int = 0
    """Acknowledged hours that are not there."""
    wrong: int = 0
    """Rows of any table whose values are not right, or that should not be there, and aggregates that are missing."""
    examples: list[str] = field(default_factory=list)

    def count(self, table: str, found: Mapping[tuple, tuple], expected: Mapping[tuple, tuple], is_raw: bool) -> None:
        """Compare one table, key → values."""
        for key in found.keys() | expected.keys():
            if key not in found and is_raw:
                self.lost += 1
            elif key not in found or key not in expected or not _same(found[key], expected[key]):
                self.wrong += 1
            else:
                continue
            if len(self.examples) < _SHOWN:
                self.examples.append(f"{table} {key}: {found.get(key)}, expected {expected.get(key)}")


def compare(settings: Settings, rows: pd.DataFrame) -> Comparison:
    """Read all tables and compare them with what pandas works out from the acknowledged rows."""
    tables, last = Tables(settings), last_stated(rows)
    expected = {
        tuple(row[: len(KEY_COLUMNS)]): _nones(row[len(KEY_COLUMNS) :]) for row in last[list(COLUMNS)].itertuples(False)
    }
    found = {_columns(row, KEY_COLUMNS): _columns(row, VALUE_COLUMNS) for row in tables.raw(last)}
    aggregates = {table: aggregate(last, table) for table in AGGREGATES}
    result = Comparison(len(rows), len(expected), sum(map(len, aggregates.values())))
    result.count("raw_weather_data", found, expected, is_raw=True)
    wsids = set(rows["wsid"])
    for table, of_one in aggregates.items():
        result.count(table, tables.aggregate(table, wsids), of_one, is_raw=False)
    return result


def _columns(row: Any, names: tuple[str, ...]) -> tuple:
    return tuple(getattr(row, name) for name in names)


def _nones(values: tuple) -> tuple:
    return tuple(None if value != value else value for value in values)


def _same(found: tuple, expected: tuple) -> bool:
    return all(
        one == other or (one is not None and other is not None and abs(one - other) <= _TOLERANCE)
        for one, other in zip(found, expected, strict=True)
    )
