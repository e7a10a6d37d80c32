"""The tables of aggregates are read by range, and their columns are the values' fields."""

import asyncio
from datetime import date

import pytest
from table_stage import Tables

from killrweather.model.month import Month
from killrweather.model.precipitation import AnnualPrecipitation, DailyPrecipitation, MonthlyPrecipitation
from killrweather.model.temperature import AnnualTemperature, DailyTemperature, MonthlyTemperature
from killrweather.settings import Settings
from killrweather.storage import schema
from killrweather.storage.aggregates import columns_of, select_range
from killrweather.storage.precipitation import PrecipitationRepository
from killrweather.storage.temperature import TemperatureRepository

LGA, JFK = "725030:14732", "744860:94789"

KINDS = {
    "daily_aggregate_temperature": DailyTemperature,
    "monthly_aggregate_temperature": MonthlyTemperature,
    "annual_aggregate_temperature": AnnualTemperature,
    "daily_aggregate_precip": DailyPrecipitation,
    "monthly_aggregate_precip": MonthlyPrecipitation,
    "year_cumulative_precip": AnnualPrecipitation,
}


def a_month(year, month, wsid=LGA):
    return MonthlyTemperature(wsid, year, month, 30.0, -5.0, 12.0, 4.0, 2.0, 700)


def a_year(year):
    return AnnualPrecipitation(LGA, year, 1000.0 + year, 500, 20)


@pytest.mark.parametrize("table", KINDS)
def test_a_value_has_the_columns_of_its_table_in_their_order(table):
    """schema.cql and the dataclass say the same, so that a row becomes a value as it is."""
    columns = schema.columns(Settings())

    assert columns_of(KINDS[table]) == tuple(columns[table])


@pytest.mark.parametrize(
    ("columns", "key", "order"),
    [
        (("wsid", "year", "month", "day", "mean"), "(year, month, day) >= (?, ?, ?)", "year ASC, month ASC, day ASC"),
        (("wsid", "year", "month", "mean"), "(year, month) >= (?, ?)", "year ASC, month ASC"),
        (("wsid", "year", "mean"), "(year) >= (?)", "year ASC"),
    ],
)
def test_a_range_is_one_slice_of_one_partition_oldest_first(columns, key, order):
    """The whole partition key is named, and the table's order is turned round."""
    statement = select_range("t", columns)

    assert statement == (
        f"SELECT {', '.join(columns)} FROM t WHERE wsid = ? AND {key} AND {key.replace('>=', '<=')} ORDER BY {order}"
    )


def test_months_from_one_year_to_the_next_are_read_at_once():
    """Both ends are included; what lies outside, and other stations, are not."""
    months = [a_month(2007, 11), a_month(2007, 12), a_month(2008, 1), a_month(2008, 2), a_month(2007, 12, JFK)]
    tables = Tables(monthly_aggregate_temperature=months)

    found = asyncio.run(TemperatureRepository(tables).monthly(LGA, Month(2007, 12), Month(2008, 1)))

    assert found == (a_month(2007, 12), a_month(2008, 1))
    assert tables.bound == [(LGA, 2007, 12, 2008, 1)]


def test_years_are_read_as_they_are_stored():
    """No day is read for them."""
    tables = Tables(year_cumulative_precip=[a_year(2006), a_year(2007), a_year(2008)])

    found = asyncio.run(PrecipitationRepository(tables).annual(LGA, 2007, 2010))

    assert found == (a_year(2007), a_year(2008))
    assert tables.bound == [(LGA, 2007, 2010)]


def test_the_wettest_days_come_from_the_days_of_their_year():
    """One slice of the daily table; a year without a stated amount has none, which is not the same as a dry one."""
    days = [DailyPrecipitation(LGA, 2008, 1, day, day / 10, 1, 0) for day in range(3)]
    repository = PrecipitationRepository(Tables(daily_aggregate_precip=days))

    top = asyncio.run(repository.top_k(LGA, 2008, 1))

    assert [day.day for day in top.days] == [2]
    assert asyncio.run(repository.top_k(LGA, 2009, 1)) is None
    assert asyncio.run(repository.daily(LGA, date(2008, 1, 1), date(2008, 1, 1))) == (days[1],)
