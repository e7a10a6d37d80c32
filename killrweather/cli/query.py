"""``killrweather query``: ask the actors of a running node."""

from typing import TYPE_CHECKING, Annotated

import typer

from killrweather.cli.arguments import Commands
from killrweather.cli.completions import sky_codes, stations
from killrweather.cli.questions import command, first
from killrweather.cli.side_by_side import TemperatureAndRain, ask_both, print_side_by_side, rows_side_by_side
from killrweather.cli.spans import Days, EndDay, Months, Year, Years
from killrweather.model.observation import RawWeatherData
from killrweather.model.precipitation import DailyPrecipitation
from killrweather.model.sky import SkyCondition
from killrweather.model.station import WeatherStation
from killrweather.model.temperature import MonthlyHiLowTemperature

if TYPE_CHECKING:
    from killrweather.client import Client

app = Commands(help="Ask a running node; the answer is a table, JSON or CSV.", no_args_is_help=True)

Wsid = Annotated[str, typer.Argument(help="Station, such as 725030:14732.", metavar="WSID", autocompletion=stations)]


@command(app, "current")
def current(client: "Client", wsid: Wsid) -> RawWeatherData:
    """The newest observation.

    Example: `killrweather query current 725030:14732`
    """
    return client.current(wsid)


@command(app, "raw")
def raw(
    client: "Client",
    wsid: Wsid,
    start: Annotated[str, typer.Option(help="First day, YYYY-MM-DD.")],
    end: EndDay = None,
    limit: Annotated[int, typer.Option(help="Observations at most.", min=1)] = 1000,
) -> tuple[RawWeatherData, ...]:
    """Observations of a range of days, oldest first.

    Example: `killrweather query raw 725030:14732 --start 2013-07-01`
    """
    return first(limit, lambda size: client.raw(wsid, start, end or start, size))


@command(app, "daily", print_side_by_side, rows_side_by_side)
def daily(client: "Client", wsid: Wsid, span: Days) -> TemperatureAndRain:
    """Temperature (°C) and precipitation (mm) of each day; of this year where no other is named.

    Example: `killrweather query daily 725030:14732 --start 2013-07-01 --end 2013-07-07`
    """
    return ask_both(client.daily_temperature, client.daily_precipitation, wsid, **span.asked)


@command(app, "monthly", print_side_by_side, rows_side_by_side)
def monthly(client: "Client", wsid: Wsid, span: Months) -> TemperatureAndRain:
    """Temperature (°C) and precipitation (mm) of each month; of all that there are where none is named.

    Example: `killrweather query monthly 725030:14732 --year 2013`
    """
    return ask_both(client.monthly_temperature, client.monthly_precipitation, wsid, **span.asked)


@command(app, "annual", print_side_by_side, rows_side_by_side)
def annual(client: "Client", wsid: Wsid, span: Years) -> TemperatureAndRain:
    """Temperature (°C) and precipitation (mm) of each year so far; of all that there are where none is named.

    Example: `killrweather query annual 725030:14732 --start 2010 --end 2013`
    """
    return ask_both(client.annual_temperature, client.annual_precipitation, wsid, **span.asked)


@command(app, "top-precipitation")
def top_precipitation(
    client: "Client", wsid: Wsid, year: Year, k: Annotated[int, typer.Option("--k", help="How many days.")] = 10
) -> tuple[DailyPrecipitation, ...]:
    """The wettest days of a year with their dates, wettest first.

    Example: `killrweather query top-precipitation 725030:14732 --year 2013 --k 5`
    """
    return client.top_precipitation(wsid, year, k)


@command(app, "high-low")
def high_low(
    client: "Client", wsid: Wsid, year: Year, month: Annotated[int, typer.Option(help="Month, 1 to 12.")]
) -> MonthlyHiLowTemperature:
    """The highest and lowest temperature (°C) of a month.

    Example: `killrweather query high-low 725030:14732 --year 2013 --month 7`
    """
    return client.high_low(wsid, year, month)


@command(app, "station")
def station(client: "Client", wsid: Wsid) -> WeatherStation:
    """Who a station is.

    Example: `killrweather query station 725030:14732`
    """
    return client.station(wsid)


@command(app, "sky")
def sky(
    client: "Client",
    code: Annotated[int, typer.Argument(help="Sky condition code, 0 to 19.", autocompletion=sky_codes)],
) -> SkyCondition:
    """What a sky condition code means.

    Example: `killrweather query sky 8`
    """
    return client.sky_condition(code)
