"""Temperature and rain of the same days, months or years, side by side."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from killrweather.cli.output import print_table
from killrweather.errors import NoData

if TYPE_CHECKING:
    from killrweather.client import Client

_KEYS = ("year", "month", "day")
_COLUMNS = ("high", "low", "mean", "stdev", "hours", "rain", "wet hours", "trace hours")


@dataclass(frozen=True)
class TemperatureAndRain:
    """The aggregates of a station's days, months or years, oldest first; of one of the two there may be none."""

    temperature: tuple[Any, ...]
    precipitation: tuple[Any, ...]


def ask_both(client: "Client", wsid: str, unit: str, kinds: tuple[Any, Any], **asked: Any) -> TemperatureAndRain:
    """Ask for the ``daily``, ``monthly`` or ``annual`` values of both; raises NoData when there are none at all."""
    answers: list[tuple[Any, ...]] = []
    absences: list[NoData] = []
    for what, kind in zip(("temperature", "precipitation"), kinds, strict=True):
        try:
            answers.append(client.get(f"/weather/stations/{wsid}/{what}/{unit}", tuple[kind, ...], **asked))  # type: ignore[valid-type]
        except NoData as absence:
            answers.append(())
            absences.append(absence)
    if len(absences) == len(kinds):
        raise absences[0]
    return TemperatureAndRain(*answers)


def print_side_by_side(found: TemperatureAndRain) -> None:
    """One line for each day, month or year that has a temperature or rain."""
    warmth = {_key(value): value for value in found.temperature}
    rain = {_key(value): value for value in found.precipitation}
    keys = sorted(warmth.keys() | rain.keys())
    rows = []
    for key in keys:
        t, p = warmth.get(key), rain.get(key)
        rows.append(
            [
                "-".join(f"{number:02}" for number in key),
                *([t.high, t.low, t.mean, t.stdev, t.count] if t else [None] * 5),
                *([p.precipitation, p.wet_hours, p.trace_hours] if p else [None] * 3),
            ]
        )
    print_table(rows, (_KEYS[len(keys[0]) - 1], *_COLUMNS))


def _key(value: Any) -> tuple[int, ...]:
    return tuple(getattr(value, name) for name in _KEYS if hasattr(value, name))
