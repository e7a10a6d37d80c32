"""Measures as a person reads them: metric or imperial."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from killrweather.model.observation import TRACE_MM

System = Literal["metric", "imperial"]


@dataclass(frozen=True)
class Unit:
    """A unit that a metric value is shown in: ``value * factor + offset``, with so many digits."""

    symbol: str
    digits: int
    factor: float = 1.0
    offset: float = 0.0

    def of(self, value: float | None) -> float | None:
        """The value in this unit, rounded as it is shown; None stays None."""
        return None if value is None else round(value * self.factor + self.offset, self.digits)

    def text(self, value: float | None) -> str:
        """The value with its unit, or a dash where nobody stated one."""
        return "–" if value is None else f"{self.of(value):,.{self.digits}f} {self.symbol}"


@dataclass(frozen=True)
class Units:
    """The units of one system."""

    system: System
    temperature: Unit
    rain: Unit
    pressure: Unit
    wind: Unit
    height: Unit
    distance: Unit

    def rain_text(self, value: float | None) -> str:
        """An hour's rain; a trace is named."""
        return "trace" if value == TRACE_MM else self.rain.text(value)


METRIC = Units("metric", Unit("°C", 1), Unit("mm", 1), Unit("hPa", 1), Unit("m/s", 1), Unit("m", 0), Unit("km", 0))
IMPERIAL = Units(
    "imperial",
    Unit("°F", 1, 9 / 5, 32.0),
    Unit("in", 2, 1 / 25.4),
    Unit("inHg", 2, 1 / 33.8639),
    Unit("mph", 1, 1 / 0.44704),
    Unit("ft", 0, 1 / 0.3048),
    Unit("mi", 0, 1 / 1.609344),
)
COOKIE = "killrweather_units"


def units_of(cookies: Mapping[str, str]) -> Units:
    """The units that a browser asks for; metric unless it says otherwise."""
    return IMPERIAL if cookies.get(COOKIE) == "imperial" else METRIC
