"""The aggregate tables as data: three families, each with its days, its months and its years."""

from dataclasses import dataclass

YEAR = ("wsid", "year")
MONTH = (*YEAR, "month")
DAY = (*MONTH, "day")


@dataclass(frozen=True, slots=True)
class Table:
    """One table: its key, and its values, of which a row has the first one or is not there."""

    name: str
    key: tuple[str, ...]
    values: tuple[str, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns, the key's first."""
        return (*self.key, *self.values)

    @property
    def stated(self) -> str:
        """The value that is null for a day that is not to be in the table."""
        return self.values[0]


@dataclass(frozen=True, slots=True)
class Family:
    """The tables of one kind of value; months are merged from days, years from months."""

    daily: Table
    monthly: Table
    annual: Table

    @property
    def steps(self) -> tuple[tuple[Table, Table], tuple[Table, Table]]:
        """What is merged from what, in order: (the parts, the whole)."""
        return (self.daily, self.monthly), (self.monthly, self.annual)


_TEMPERATURE = ("high", "low", "mean", "variance", "stdev", "count")
_RAIN = ("precipitation", "wet_hours", "trace_hours")

TEMPERATURE = Family(
    Table("daily_aggregate_temperature", DAY, _TEMPERATURE),
    Table("monthly_aggregate_temperature", MONTH, _TEMPERATURE),
    Table("annual_aggregate_temperature", YEAR, _TEMPERATURE),
)
"""Temperatures in °C; variance and stdev are of the population of all hours."""

PRECIPITATION = Family(
    Table("daily_aggregate_precip", DAY, _RAIN),
    Table("monthly_aggregate_precip", MONTH, _RAIN),
    Table("year_cumulative_precip", YEAR, _RAIN),
)
"""Rain in mm; a trace adds 0.0."""

HOURS = Family(
    Table("raw_weather_day", DAY, ("hours",)),
    Table("raw_weather_month", MONTH, ("hours",)),
    Table("raw_weather_year", YEAR, ("hours",)),
)
"""How many hours have a raw row."""

FAMILIES = (TEMPERATURE, PRECIPITATION, HOURS)
