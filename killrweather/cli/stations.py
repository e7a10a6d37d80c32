"""``killrweather stations``: the station table."""

from pathlib import Path
from typing import Annotated, Any

import typer

from killrweather.cli.arguments import Commands
from killrweather.cli.options import ConfigFiles, Environment, HomeDirectory, environment
from killrweather.cli.output import NOTES, Output, say
from killrweather.cli.tables import print_values
from killrweather.errors import BadRequest, NoData
from killrweather.model.station import WeatherStation

app = Commands(help="Load and search the station table.", no_args_is_help=True)

Limit = Annotated[int, typer.Option(help="Stations at most.")]


@app.command("load")
def load_table(
    file: Annotated[Path, typer.Argument(help="The sample's table or isd-history.csv.", exists=True, dir_okay=False)],
    *,
    output: Output,
    config: ConfigFiles = None,
    home: HomeDirectory = None,
) -> int:
    """Send a station table to a running node.

    Example: `killrweather stations load isd-history.csv`
    """
    with environment(config, home).client() as client, NOTES.status(f"storing the stations of {file.name}"):
        result = client.post("/weather/stations", file.read_bytes())
    text = f"read {result['read']:,}, accepted {result['accepted']:,}, rejected {result['rejected']:,}"
    output.print(result, lambda: print(text))
    if output.is_for_people:
        for reject in result["rejects"]:
            say(f"  line {reject['line']} {reject['field'] or ''} {reject['value']!r}: {reject['reason']}")
    return 0 if result["accepted"] else 1


@app.command()
def search(
    text: Annotated[str, typer.Argument(help="Part of an id, name or call sign.")],
    country: Annotated[str | None, typer.Option(help="Country code, such as US.")] = None,
    limit: Limit = 20,
    *,
    output: Output,
    config: ConfigFiles = None,
    home: HomeDirectory = None,
) -> None:
    """Stations whose id, name or call sign has this text.

    Example: `killrweather stations search guardia`
    """
    _show(environment(config, home), output, f'no station matches "{text}"', search=text, country=country, limit=limit)


@app.command()
def near(
    place: Annotated[str, typer.Argument(help="Latitude and longitude, such as 40.64,-73.78.", metavar="LAT,LONG")],
    km: Annotated[float, typer.Option("--km", help="Within this distance.")] = 50.0,
    limit: Limit = 20,
    *,
    output: Output,
    config: ConfigFiles = None,
    home: HomeDirectory = None,
) -> None:
    """Stations near a place, nearest first. A latitude below zero needs -- before it.

    Example: `killrweather stations near 40.64,-73.78 --km 30`
    """
    if place.count(",") != 1:
        raise BadRequest(f'"{place}": expected latitude,longitude such as 40.64,-73.78', "LAT,LONG")
    _show(environment(config, home), output, f"no station within {km:g} km of {place}", near=place, km=km, limit=limit)


def _show(found: Environment, output: Output, absence: str, **parameters: Any) -> None:
    with found.client() as client:
        stations = client.get("/weather/stations", tuple[WeatherStation, ...], **parameters)
    if not stations:
        raise NoData(absence)
    output.print(stations, lambda: print_values(stations))
