"""Tables in memory for what reads aggregates: a session with the interface of the driver's."""

import re
from collections.abc import Callable, Sequence
from dataclasses import astuple
from types import SimpleNamespace
from typing import Any


class Tables:
    """Answers the statement for a range of rows of one station; keeps what was prepared and what was bound."""

    def __init__(self, **rows: Sequence[Any]) -> None:
        self.rows = {table: [astuple(value) for value in values] for table, values in rows.items()}
        self.prepared: list[str] = []
        self.bound: list[tuple[Any, ...]] = []

    def prepare(self, statement: str) -> str:
        """Keep the statement."""
        self.prepared.append(statement)
        return statement

    def execute_async(self, statement: str, values: Sequence[Any], execution_profile: str) -> Any:
        """The rows between the first and the second half of the bound keys, oldest first."""
        self.bound.append(tuple(values))
        wsid, *keys = values
        width = len(keys) // 2
        first, last = tuple(keys[:width]), tuple(keys[width:])
        [table] = re.findall(r"FROM (\w+)", statement)
        found = [row for row in self.rows.get(table, ()) if row[0] == wsid and first <= row[1 : 1 + width] <= last]

        def add_callbacks(succeed: Callable[[Any], None], fail: Callable[[Exception], None]) -> None:
            succeed(sorted(found))

        return SimpleNamespace(add_callbacks=add_callbacks, has_more_pages=False)
