"""Temperature and rain of the same days, months or years, side by side."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from datetime import date
from typing import Any

from rich.text import Text

from killrweather.cli.charts import Day, band, bar, year_chart
from killrweather.cli.tables import Drawing, console, may_draw, print_table, time_of
from killrweather.errors import NoData
from killrweather.model.precipitation import AnnualPrecipitation
from killrweather.model.temperature import AnnualTemperature

Question = Callable[..., tuple[Any, ...]]

_KEYS = ("year", "month", "day")
_OF_WARMTH, _OF_RAIN = (
    tuple(field.name for field in fields(kind) if field.name not in ("wsid", "year"))
    for kind in (AnnualTemperature, AnnualPrecipitation)
)
_COLUMNS = (
    "high\n°C",
    "low\n°C",
    "mean\n°C",
    "stdev\n°C",
    "hours",
    "rain\nmm",
    "wet\nhours",
    "trace\nhours",
)

_LONGEST_WITHOUT_CHART = 31
_NARROWEST_CHART, _WIDEST_CHART = 60, 140
_STYLES = {"band": "red", "rain": "blue", "axis": "dim"}


@dataclass(frozen=True)
class TemperatureAndRain:
    """The aggregates of a station's days, months or years, oldest first; of one of the two there may be none."""

    temperature: tuple[Any, ...]
    precipitation: tuple[Any, ...]

    def pairs(self) -> list[tuple[Any, Any]]:
        """The temperature and the rain of each day, month or year that has one of them, oldest first."""
        warmth = {_key(value): value for value in self.temperature}
        rain = {_key(value): value for value in self.precipitation}
        return [(warmth.get(key), rain.get(key)) for key in sorted(warmth.keys() | rain.keys())]


def ask_both(temperature: Question, precipitation: Question, wsid: str, **asked: Any) -> TemperatureAndRain:
    """Ask a station both questions of its days, months or years; raises NoData when there is no answer at all."""
    answers: list[tuple[Any, ...]] = []
    absences: list[NoData] = []
    for question in (temperature, precipitation):
        try:
            answers.append(question(wsid, **asked))
        except NoData as absence:
            answers.append(())
            absences.append(absence)
    if len(absences) == len(answers):
        raise absences[0]
    return TemperatureAndRain(*answers)


def rows_side_by_side(found: TemperatureAndRain) -> list[dict[str, Any]]:
    """A row for each day, month or year, with the fields of both; those of the absent one are None."""
    return [
        {name: getattr(t or p, name) for name in ("wsid", *_KEYS) if hasattr(t or p, name)}
        | {name: getattr(t, name, None) for name in _OF_WARMTH}
        | {name: getattr(p, name, None) for name in _OF_RAIN}
        for t, p in found.pairs()
    ]


def print_side_by_side(found: TemperatureAndRain) -> None:
    """One line for each day, month or year that has a temperature or rain; a chart below where they are many days."""
    pairs = found.pairs()
    rows = [
        [
            time_of(t or p),
            *([t.high, t.low, t.mean, t.stdev, t.count] if t else [None] * 5),
            *([p.precipitation, p.wet_hours, p.trace_hours] if p else [None] * 3),
        ]
        for t, p in pairs
    ]
    unit = [name for name in _KEYS if hasattr(pairs[0][0] or pairs[0][1], name)][-1]
    print_table(rows, (unit, *_COLUMNS), drawings=_drawings(pairs))
    if unit == "day" and len(rows) > _LONGEST_WITHOUT_CHART:
        _print_year(pairs)


def _drawings(pairs: Sequence[tuple[Any, Any]]) -> list[Drawing]:
    drawings = []
    if warm := [t for t, _ in pairs if t]:
        ends = (min(t.low for t in warm), max(t.high for t in warm))

        def draw_band(row: int, width: int) -> str:
            t = pairs[row][0]
            return band(t.low, t.mean, t.high, ends, width) if t else ""

        drawings.append(Drawing(f"{ends[0]:.0f} to {ends[1]:.0f}\n°C", draw_band, _STYLES["band"]))
    if most := max((p.precipitation for _, p in pairs if p), default=0.0):

        def draw_rain(row: int, width: int) -> str:
            p = pairs[row][1]
            return bar(p.precipitation, most, width) if p else ""

        drawings.append(Drawing(f"0 to {most:.0f}\nmm", draw_rain, _STYLES["rain"]))
    return drawings


def _print_year(pairs: Sequence[tuple[Any, Any]]) -> None:
    out = console()
    if not may_draw() or out.width < _NARROWEST_CHART:
        return
    days = {date(*_key(t or p)): Day(t and t.low, t and t.high, p and p.precipitation) for t, p in pairs}
    print()
    for line, part in year_chart(days, min(out.width, _WIDEST_CHART)):
        out.print(Text(line, style=_STYLES[part]), no_wrap=True)


def _key(value: Any) -> tuple[int, ...]:
    return tuple(getattr(value, name) for name in _KEYS if hasattr(value, name))
