"""``killrweather stations``: the station table."""

from pathlib import Path
from typing import Annotated

import typer

from killrweather.cli.arguments import Commands
from killrweather.cli.options import ConfigFiles, HomeDirectory, environment
from killrweather.cli.output import NOTES, Output, say
from killrweather.cli.questions import first
from killrweather.cli.tables import print_values
from killrweather.errors import BadRequest, NoData
from killrweather.model.station import NearbyStation, WeatherStation

app = Commands(help="Load and search the station table.", no_args_is_help=True)

_DISPENSABLE = (("elevation",), ("lat", "long"))
"""Where a terminal is too narrow, the name is worth more."""

Limit = Annotated[int, typer.Option(help="Stations at most.", min=1)]


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
    country: Annotated[str, typer.Option(help="Country code, such as US.", show_default="all")] = "",
    limit: Limit = 20,
    *,
    output: Output,
    config: ConfigFiles = None,
    home: HomeDirectory = None,
) -> None:
    """Stations whose id, name or call sign has this text.

    Example: `killrweather stations search guardia`
    """
    with environment(config, home).client() as client:
        found = first(limit, lambda size: client.stations(text, country, size))
    _show(found, WeatherStation, output, f'no station matches "{text}"')


@app.command(context_settings={"ignore_unknown_options": True})  # so that a latitude may be below zero
def near(
    place: Annotated[str, typer.Argument(help="Latitude and longitude, such as 40.64,-73.78.", metavar="LAT,LONG")],
    km: Annotated[float, typer.Option("--km", help="Within this distance.")] = 50.0,
    limit: Limit = 20,
    *,
    output: Output,
    config: ConfigFiles = None,
    home: HomeDirectory = None,
) -> None:
    """Stations near a place, nearest first, each with its distance.

    Example: `killrweather stations near 40.64,-73.78 --km 30`
    """
    lat, long = _place(place)
    with environment(config, home).client() as client:
        found = first(limit, lambda size: client.stations_near(lat, long, km, size))
    _show(found, NearbyStation, output, f"no station within {km:g} km of {place}")


def _place(text: str) -> tuple[float, float]:
    try:
        lat, long = map(float, text.split(","))
    except ValueError:
        expected = "expected latitude,longitude in degrees, such as 40.64,-73.78"
        raise BadRequest(f'"{text[:40]}": {expected}', "LAT,LONG") from None
    return lat, long


def _show(stations: tuple[WeatherStation, ...], kind: type, output: Output, absence: str) -> None:
    if not stations:
        raise NoData(absence)
    output.print(stations, lambda: print_values(stations, _DISPENSABLE), kind=kind)
