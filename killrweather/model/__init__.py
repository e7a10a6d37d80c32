"""Values of the domain and the rules that hold for them: no I/O, light enough for every process."""

from killrweather.model.observation import RawWeatherData, canonical_wsid
from killrweather.model.sky import SKY_CONDITIONS, SkyCondition, sky_condition
from killrweather.model.station import NearbyStation, WeatherStation, near, search

__all__ = [
    "SKY_CONDITIONS",
    "NearbyStation",
    "RawWeatherData",
    "SkyCondition",
    "WeatherStation",
    "canonical_wsid",
    "near",
    "search",
    "sky_condition",
]
