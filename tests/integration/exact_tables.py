"""The tables as they are in Cassandra, and the claim that they are what pandas works out from the rows."""

import pytest
from held_load import HeldLoad
from pandas_truth import AGGREGATES, aggregate

from killrweather.storage import session as cassandra


class Tables:
    """The tables of aggregates, read directly."""

    def __init__(self, settings):
        self.settings = settings

    def rows(self, table, wsids):
        session = cassandra.connect(self.settings)
        try:
            found = []
            for wsid in sorted(wsids):
                statement = f"SELECT * FROM {self.settings.cassandra.keyspace}.{table} WHERE wsid = %s"
                found += list(session.execute(statement, (wsid,)))
            return found
        finally:
            cassandra.close(session)

    def raw(self, rows):
        """The stored raw rows of the stations and years of these."""
        session = cassandra.connect(self.settings)
        try:
            statement = (
                f"SELECT * FROM {self.settings.cassandra.keyspace}.raw_weather_data WHERE wsid = %s AND year = %s"
            )
            pairs = {(wsid, int(year)) for wsid, year in zip(rows["wsid"], rows["year"], strict=True)}
            return [row for pair in pairs for row in session.execute(statement, pair)]
        finally:
            cassandra.close(session)

    def aggregate(self, table, wsids):
        """Key → values, as ``pandas_truth.aggregate`` works them out."""
        keys, columns = AGGREGATES[table]
        return {
            tuple(getattr(row, key) for key in keys): tuple(getattr(row, column) for column in columns)
            for row in self.rows(table, wsids)
        }


def assert_same(found, expected):
    assert found.keys() == expected.keys()
    for key, values in expected.items():
        assert found[key] == pytest.approx(values, abs=1e-9), key


def assert_exact(tables, rows):
    """Every day, month and year of every station is what pandas works out from the rows."""
    for table in AGGREGATES:
        assert_same(tables.aggregate(table, set(rows["wsid"])), aggregate(rows, table))


def assert_ends_exactly(load: HeldLoad, tables, rows, within_s=240):
    """A load that was held and goes on ends well, and every day of its rows is exact."""
    assert load.end(within_s)["accepted"] == len(rows)
    assert_exact(tables, rows)
