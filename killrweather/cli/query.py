"""``killrweather query``: ask the actors of a running node."""

from collections.abc import Sequence
from datetime import date, datetime, timezone
from typing import Annotated, Any

import typer

from killrweather.cli.options import AsJson, ConfigFiles, HomeDirectory, environment
from killrweather.cli.output import print_json, print_table, print_values, say
from killrweather.errors import BadRequest, NoData
from killrweather.model.observation import RawWeatherData
from killrweather.model.precipitation import AnnualPrecipitation, DailyPrecipitation
from killrweather.model.sky import SkyCondition
from killrweather.model.station import WeatherStation
from killrweather.model.temperature import DailyTemperature, MonthlyHiLowTemperature, MonthlyTemperature

app = typer.Typer(help="Ask a running node; the answer is a table or JSON.", no_args_is_help=True)

Wsid = Annotated[str, typer.Argument(help="Station, such as 725030:14732.", metavar="WSID")]
Year = Annotated[int, typer.Option(help="Year.")]
Month = Annotated[int | None, typer.Option(help="Month, 1 to 12.")]
Start = Annotated[str | None, typer.Option(help="First day, YYYY-MM-DD.")]
End = Annotated[str | None, typer.Option(help="Last day, YYYY-MM-DD.", show_default="as --start")]


@app.command()
def current(wsid: Wsid, as_json: AsJson = False, config: ConfigFiles = None, home: HomeDirectory = None) -> None:
    """The newest observation.

    Example: `killrweather query current 725030:14732`
    """
    _one(_ask(config, home, f"/weather/stations/{wsid}/current", RawWeatherData), as_json)


@app.command()
def raw(
    wsid: Wsid,
    start: Start,
    end: End = None,
    limit: Annotated[int, typer.Option(help="Observations at most.")] = 1000,
    as_json: AsJson = False,
    config: ConfigFiles = None,
    home: HomeDirectory = None,
) -> None:
    """Observations of a range of days, oldest first.

    Example: `killrweather query raw 725030:14732 --start 2013-07-01`
    """
    days = {**_days(start, end, None, None), "limit": limit}
    _many(_ask(config, home, f"/weather/stations/{wsid}/raw", tuple[RawWeatherData, ...], **days), as_json)


@app.command()
def daily(
    wsid: Wsid,
    start: Start = None,
    end: End = None,
    year: Annotated[int | None, typer.Option(help="A whole year.")] = None,
    month: Month = None,
    as_json: AsJson = False,
    config: ConfigFiles = None,
    home: HomeDirectory = None,
) -> None:
    """Temperature (°C) and precipitation (mm) of each day.

    Example: `killrweather query daily 725030:14732 --start 2013-07-01 --end 2013-07-07`
    """
    days = _days(start, end, year, month)
    answers: dict[str, Any] = {}
    absences: list[NoData] = []
    found = environment(config, home)
    with found.client() as client:
        for what, kind in {"temperature": DailyTemperature, "precipitation": DailyPrecipitation}.items():
            try:
                answers[what] = client.get(f"/weather/stations/{wsid}/{what}/daily", tuple[kind, ...], **days)  # type: ignore[valid-type]
            except NoData as absence:
                answers[what] = ()
                absences.append(absence)
    if len(absences) == 2:
        raise absences[0]
    if as_json:
        print_json(answers)
        return
    rain = {(d.year, d.month, d.day): d for d in answers["precipitation"]}
    warmth = {(d.year, d.month, d.day): d for d in answers["temperature"]}
    columns = ["day", "high", "low", "mean", "stdev", "hours", "rain", "wet hours", "trace hours"]
    rows = []
    for key in sorted(rain.keys() | warmth.keys()):
        t, p = warmth.get(key), rain.get(key)
        rows.append(
            [
                f"{key[0]}-{key[1]:02}-{key[2]:02}",
                *([t.high, t.low, t.mean, t.stdev, t.count] if t else [None] * 5),
                *([p.precipitation, p.wet_hours, p.trace_hours] if p else [None] * 3),
            ]
        )
    print_table(rows, columns)


@app.command()
def monthly(
    wsid: Wsid, year: Year, as_json: AsJson = False, config: ConfigFiles = None, home: HomeDirectory = None
) -> None:
    """Temperature (°C) of each month of a year.

    Example: `killrweather query monthly 725030:14732 --year 2013`
    """
    path = f"/weather/stations/{wsid}/temperature/monthly"
    _many(_ask(config, home, path, tuple[MonthlyTemperature, ...], year=year), as_json)


@app.command()
def annual(
    wsid: Wsid, year: Year, as_json: AsJson = False, config: ConfigFiles = None, home: HomeDirectory = None
) -> None:
    """Precipitation (mm) of a year so far.

    Example: `killrweather query annual 725030:14732 --year 2013`
    """
    path = f"/weather/stations/{wsid}/precipitation/annual"
    _many(_ask(config, home, path, tuple[AnnualPrecipitation, ...], year=year), as_json)


@app.command("top-precipitation")
def top_precipitation(
    wsid: Wsid,
    year: Year,
    k: Annotated[int, typer.Option("--k", help="How many days.")] = 10,
    as_json: AsJson = False,
    config: ConfigFiles = None,
    home: HomeDirectory = None,
) -> None:
    """The wettest days of a year with their dates, wettest first.

    Example: `killrweather query top-precipitation 725030:14732 --year 2013 --k 5`
    """
    path = f"/weather/stations/{wsid}/precipitation/top"
    _many(_ask(config, home, path, tuple[DailyPrecipitation, ...], year=year, k=k), as_json)


@app.command("high-low")
def high_low(
    wsid: Wsid,
    year: Year,
    month: Annotated[int, typer.Option(help="Month, 1 to 12.")],
    as_json: AsJson = False,
    config: ConfigFiles = None,
    home: HomeDirectory = None,
) -> None:
    """The highest and lowest temperature (°C) of a month.

    Example: `killrweather query high-low 725030:14732 --year 2013 --month 7`
    """
    path = f"/weather/stations/{wsid}/temperature/high-low"
    _one(_ask(config, home, path, MonthlyHiLowTemperature, year=year, month=month), as_json)


@app.command()
def station(wsid: Wsid, as_json: AsJson = False, config: ConfigFiles = None, home: HomeDirectory = None) -> None:
    """Who a station is.

    Example: `killrweather query station 725030:14732`
    """
    _one(_ask(config, home, f"/weather/stations/{wsid}", WeatherStation), as_json)


@app.command()
def sky(
    code: Annotated[int, typer.Argument(help="Sky condition code, 0 to 19.")],
    as_json: AsJson = False,
    config: ConfigFiles = None,
    home: HomeDirectory = None,
) -> None:
    """What a sky condition code means.

    Example: `killrweather query sky 8`
    """
    _one(_ask(config, home, f"/weather/sky-conditions/{code}", SkyCondition), as_json)


def _ask(config: Any, home: Any, path: str, kind: Any, **parameters: Any) -> Any:
    with environment(config, home).client() as client:
        return client.get(path, kind, **parameters)


def _one(value: Any, as_json: bool) -> None:
    print_json(value) if as_json else print_values([value])


def _many(values: Sequence[Any], as_json: bool) -> None:
    if as_json:
        print_json(values)
    elif values:
        print_values(values)
    else:
        say("nothing")


def _days(start: str | None, end: str | None, year: int | None, month: int | None) -> dict[str, str]:
    """The first and last day that --start and --end, or --year and --month, mean."""
    if start:
        return {"start": start, "end": end or start}
    year = year or datetime.now(timezone.utc).year
    if month is None:
        return {"start": f"{year:04}-01-01", "end": f"{year:04}-12-31"}
    try:
        first = date(year, month, 1)
    except ValueError:
        raise BadRequest(f"month {month}: expected 1 to 12", "month") from None
    last = date(year, 12, 31) if month == 12 else date.fromordinal(date(year, month + 1, 1).toordinal() - 1)
    return {"start": first.isoformat(), "end": last.isoformat()}
