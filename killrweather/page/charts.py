"""What charts show: ECharts options and the numbers behind them, from the values of the model.

Colours are custom properties of the page's style, so that one chart fits light and dark.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from killrweather.model.observation import TRACE_MM, RawWeatherData
from killrweather.model.precipitation import AnnualPrecipitation, DailyPrecipitation, MonthlyPrecipitation
from killrweather.model.temperature import AnnualTemperature, DailyTemperature, MonthlyTemperature
from killrweather.page.elements import Sheet
from killrweather.page.units import Unit, Units

Drawn = tuple[dict[str, Any], Sheet, str]
"""A chart's options, its numbers, and what it shows in words."""

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def daily_temperature(days: Sequence[DailyTemperature], units: Units) -> Drawn:
    """The band from each day's low to its high, with its mean."""
    unit = units.temperature
    times = [date(one.year, one.month, one.day).isoformat() for one in days]
    high, low, mean = ([unit.of(getattr(one, name)) for one in days] for name in ("high", "low", "mean"))
    spread = _spread(high, low, unit)
    options = {
        **_frame(unit, "time"),
        "dataZoom": [{"type": "inside", "filterMode": "none"}],
        "legend": {**_legend(), "data": ["High", "Mean", "Low"]},
        "series": [
            {**_line("_base", times, low), "stack": "band", "stackStrategy": "all", "lineStyle": {"opacity": 0}},
            {
                **_line("_band", times, spread),
                "stack": "band",
                "stackStrategy": "all",
                "lineStyle": {"opacity": 0},
                "areaStyle": {"color": "var(--band)"},
            },
            _line("High", times, high, "var(--warm)", 1),
            _line("Mean", times, mean, "var(--ink)", 2),
            _line("Low", times, low, "var(--cool)", 1),
        ],
    }
    sheet = Sheet(("day", f"high {unit.symbol}", f"mean {unit.symbol}", f"low {unit.symbol}", "hours"),
                  [*zip(times, high, mean, low, [one.count for one in days], strict=True)])  # fmt: skip
    warmest, coldest = max(days, key=lambda one: one.high), min(days, key=lambda one: one.low)
    summary = (
        f"{len(days)} days. Warmest {unit.text(warmest.high)} on {_day(warmest)}, "
        f"coldest {unit.text(coldest.low)} on {_day(coldest)}."
    )
    return options, sheet, summary


def daily_rain(days: Sequence[DailyPrecipitation], units: Units) -> Drawn:
    """Each day's rain."""
    unit = units.rain
    times = [date(one.year, one.month, one.day).isoformat() for one in days]
    amounts = [unit.of(one.precipitation) for one in days]
    options = {
        **_frame(unit, "time"),
        "dataZoom": [{"type": "inside", "filterMode": "none"}],
        "series": [_bars("Rain", [[*pair] for pair in zip(times, amounts, strict=True)])],
    }
    sheet = Sheet(
        ("day", f"rain {unit.symbol}", "wet hours", "trace hours"),
        [(day, amount, one.wet_hours, one.trace_hours) for day, amount, one in zip(times, amounts, days, strict=True)],
    )
    total = sum(one.precipitation for one in days)
    wet = sum(one.precipitation > 0 for one in days)
    return options, sheet, f"{unit.text(total)} on {wet} of {len(days)} days."


def wettest_days(days: Sequence[DailyPrecipitation], units: Units) -> Drawn:
    """The wettest days with their dates, wettest first."""
    unit = units.rain
    names = [f"{MONTHS[one.month - 1]} {one.day}" for one in days]
    amounts = [unit.of(one.precipitation) for one in days]
    options = {
        **_frame(unit, "category", names),
        "series": [_bars("Rain", amounts)],
    }
    options["xAxis"]["axisLabel"] = {**options["xAxis"]["axisLabel"], "interval": 0, "rotate": 35}
    rows = [(_day(one), amount, one.wet_hours) for one, amount in zip(days, amounts, strict=True)]
    summary = f"Wettest: {_day(days[0])} with {unit.text(days[0].precipitation)}."
    return options, Sheet(("day", f"rain {unit.symbol}", "wet hours"), rows), summary


def temperature_bars(parts: Sequence[MonthlyTemperature | AnnualTemperature], units: Units) -> Drawn:
    """A year's months, or years, as floating bars from low to high, with their means."""
    unit, (what, names, keys) = units.temperature, _spans(parts)
    high, low, mean = ([unit.of(getattr(one, name)) for one in parts] for name in ("high", "low", "mean"))
    spread = _spread(high, low, unit)
    options = {
        **_frame(unit, "category", names),
        "legend": {**_legend(), "data": ["High", "Mean", "Low"]},
        "series": [
            {"name": "_base", "type": "bar", "stack": "band", "stackStrategy": "all", "data": low, "barMaxWidth": 36,
             "itemStyle": {"opacity": 0}, "silent": True},
            {"name": "_band", "type": "bar", "stack": "band", "stackStrategy": "all", "data": spread, "barMaxWidth": 36,
             "itemStyle": {"color": "var(--band)", "borderRadius": 3}, "silent": True},
            *(
                {"name": name, "type": "line", "data": values, "symbolSize": 7, "lineStyle": {"opacity": 0},
                 "itemStyle": {"color": colour}}
                for name, values, colour in (("High", high, "var(--warm)"), ("Mean", mean, "var(--ink)"),
                                             ("Low", low, "var(--cool)"))
            ),
        ],
    }  # fmt: skip
    sheet = Sheet((what, f"high {unit.symbol}", f"mean {unit.symbol}", f"low {unit.symbol}", "hours"),
                  [*zip(keys, high, mean, low, [one.count for one in parts], strict=True)])  # fmt: skip
    warmest = max(range(len(parts)), key=lambda n: parts[n].mean)
    return options, sheet, f"Warmest by its mean: {keys[warmest]} with {unit.text(parts[warmest].mean)}."


def rain_bars(parts: Sequence[MonthlyPrecipitation | AnnualPrecipitation], units: Units) -> Drawn:
    """The rain of a year's months, or of years so far."""
    unit, (what, names, keys) = units.rain, _spans(parts)
    amounts = [unit.of(one.precipitation) for one in parts]
    options = {**_frame(unit, "category", names), "series": [_bars("Rain", amounts)]}
    rows = [
        (key, amount, one.wet_hours, one.trace_hours) for key, amount, one in zip(keys, amounts, parts, strict=True)
    ]
    wettest = max(range(len(parts)), key=lambda n: parts[n].precipitation)
    summary = f"Wettest: {keys[wettest]} with {unit.text(parts[wettest].precipitation)}."
    return options, Sheet((what, f"rain {unit.symbol}", "wet hours", "trace hours"), rows), summary


def year_against_year(months: Iterable[MonthlyTemperature], chosen: int, units: Units) -> Drawn:
    """The mean of each month, a line for each year, the chosen one in front."""
    unit = units.temperature
    by_year: dict[int, list[float | None]] = {}
    for one in months:
        by_year.setdefault(one.year, [None] * 12)[one.month - 1] = unit.of(one.mean)
    series = [
        {
            "name": str(year),
            "type": "line",
            "data": means,
            "showSymbol": year == chosen,
            "symbolSize": 6,
            "z": 3 if year == chosen else 2,
            "lineStyle": {"color": _of_year(year, chosen), "width": 3 if year == chosen else 1.5},
            "itemStyle": {"color": _of_year(year, chosen)},
        }
        for year, means in sorted(by_year.items())
    ]  # fmt: skip
    options = {**_frame(unit, "category", list(MONTHS)), "legend": _legend(), "series": series}
    years = sorted(by_year)
    rows = [(MONTHS[number], *(by_year[year][number] for year in years)) for number in range(12)]
    summary = f"Monthly means of {len(years)} {'year' if len(years) == 1 else 'years'}; {chosen} stands out."
    return options, Sheet(("month", *(f"{year} {unit.symbol}" for year in years)), rows), summary


def hours(found: Sequence[RawWeatherData], name: str, unit: Unit) -> Drawn:
    """One field of the hours as they were stated, with a slider to look closer."""
    times = [one.time.isoformat() for one in found]
    values = [unit.of(_measured(getattr(one, name))) for one in found]
    options = {
        **_frame(unit, "time", bottom=64),
        "dataZoom": [
            {"type": "inside", "filterMode": "none"},
            {
                "type": "slider",
                "bottom": 8,
                "height": 28,
                "borderColor": "var(--line)",
                "fillerColor": "var(--band)",
                "textStyle": {"color": "var(--muted)"},
                "filterMode": "none",
            },
        ],
        "series": [_line(name.replace("_", " "), times, values, "var(--accent)", 1.5)],
    }
    stated = sum(value is not None for value in values)
    sheet = Sheet(("hour", f"{name} {unit.symbol}"), [*zip(times, values, strict=True)])
    return options, sheet, f"{len(found):,} hours, {stated:,} of them with a value."


def world(
    stations: Sequence[Mapping[str, Any]], silent: Sequence[Sequence[float]], unit: Unit, is_rain: bool
) -> dict[str, Any]:
    """The map: stations with a value coloured by it, those without one hollow, and the silent ones faint.

    A station is ``{place: [long, lat], value, tip, link}``.
    """
    low, high = (unit.of(0.0), unit.of(10.0)) if is_rain else (unit.of(-20.0), unit.of(40.0))
    marks = {"type": "scatter", "coordinateSystem": "geo", "symbolSize": 13, "cursor": "pointer"}
    measured = [{**one, "value": [*one["place"], one["value"]]} for one in stations if one["value"] is not None]
    hollow = [{**one, "value": one["place"]} for one in stations if one["value"] is None]
    return {
        "tooltip": {"trigger": "item", **_tooltip()},
        "geo": {
            "map": "/page/land.json",
            "roam": True,
            "scaleLimit": {"min": 1, "max": 60},
            "silent": True,
            "itemStyle": {"areaColor": "var(--land)", "borderColor": "var(--coast)", "borderWidth": 0.7},
            "regions": [
                {"name": "lakes", "itemStyle": {"areaColor": "var(--sea)"}},
                # Its outlines run along the pole and 0° of longitude as well, where there is no coast to be seen.
                {"name": "antarctica", "itemStyle": {"borderColor": "var(--land)"}},
            ],
            "left": 0, "right": 0, "top": "middle",
        },
        "visualMap": {
            "type": "continuous", "min": low, "max": high, "dimension": 2, "seriesIndex": 0, "precision": unit.digits,
            "orient": "horizontal", "left": 12, "bottom": 10, "itemWidth": 12, "itemHeight": 130,
            "text": [f"{high:g} {unit.symbol}", f"{low:g}"], "textStyle": {"color": "var(--ink)"},
            "inRange": {"color": RAIN_COLOURS if is_rain else TEMPERATURE_COLOURS},
        },
        "series": [
            {**marks, "name": "stations", "z": 5, "data": measured,
             "itemStyle": {"borderColor": "var(--ink)", "borderWidth": 1}},
            {**marks, "name": "without a value", "z": 4, "data": hollow,
             "itemStyle": {"color": "var(--surface)", "borderColor": "var(--muted)", "borderWidth": 1.5}},
            {**marks, "name": "silent", "z": 3, "symbolSize": 3, "silent": True, "large": True,
             "data": [list(one) for one in silent],
             "itemStyle": {"color": "var(--muted)", "opacity": 0.55}},
        ],
    }  # fmt: skip


TEMPERATURE_COLOURS = ["#3b2a8c", "#2f6fc4", "#69b9dc", "#e8e3c4", "#f2a34c", "#d9482b", "#8f1330"]
RAIN_COLOURS = ["#e9eef0", "#a9d4e6", "#5aa7d6", "#2467b0", "#28247c"]


def view_of(places: Sequence[Sequence[float]], closest: float = 8.0) -> dict[str, Any]:
    """Where the map looks so that all these places are on it, with enough around them to know where that is.

    ``closest`` is how near it may come: 40 tells stations of one city apart.
    """
    if not places:
        return {"center": [0, 20], "zoom": 1.15}
    longs, lats = zip(*places, strict=True)
    span = max((max(longs) - min(longs)) / 360, (max(lats) - min(lats)) / 170, 0.01)
    return {
        "center": [(max(longs) + min(longs)) / 2, (max(lats) + min(lats)) / 2],
        "zoom": min(closest, max(1.15, 0.7 / span)),
    }


def _spans(parts: Sequence[Any]) -> tuple[str, list[str], list[str]]:
    """What parts of time these are, how the axis calls them, and how their numbers' sheet does."""
    if hasattr(parts[0], "month"):
        return "month", [MONTHS[one.month - 1] for one in parts], [f"{one.year:04}-{one.month:02}" for one in parts]
    years = [str(one.year) for one in parts]
    return "year", years, years


def _spread(high: Sequence[float | None], low: Sequence[float | None], unit: Unit) -> list[float]:
    pairs = zip(high, low, strict=True)
    return [round(top - bottom, unit.digits) for top, bottom in pairs if top is not None and bottom is not None]


def _of_year(year: int, chosen: int) -> str:
    return "var(--warm)" if year == chosen else "var(--faint)"


def _measured(value: float | None) -> float | None:
    return 0.0 if value == TRACE_MM else value


def _day(one: DailyTemperature | DailyPrecipitation) -> str:
    return date(one.year, one.month, one.day).isoformat()


def _frame(unit: Unit, kind: str, names: list[str] | None = None, bottom: int = 8) -> dict[str, Any]:
    axis = {"axisLine": {"lineStyle": {"color": "var(--line)"}}, "axisLabel": {"color": "var(--muted)"}}
    return {
        "grid": {"left": 8, "right": 16, "top": 40, "bottom": bottom, "containLabel": True},
        "tooltip": {"trigger": "axis", **_tooltip()},
        "useUTC": True,
        "xAxis": {"type": kind, **({"data": names} if names is not None else {}), "axisTick": {"show": False}, **axis},
        "yAxis": {
            "type": "value",
            "name": unit.symbol,
            "nameTextStyle": {"color": "var(--muted)"},
            "splitLine": {"lineStyle": {"color": "var(--line)"}},
            **axis,
        },
    }


def _tooltip() -> dict[str, Any]:
    return {
        "confine": True,
        "backgroundColor": "var(--raised)",
        "borderColor": "var(--line)",
        "textStyle": {"color": "var(--ink)"},
    }


def _legend() -> dict[str, Any]:
    return {
        "top": 0,
        "right": 8,
        "type": "scroll",
        "left": "25%",
        "itemHeight": 8,
        "textStyle": {"color": "var(--muted)"},
    }


def _line(
    name: str, times: Sequence[str], values: Sequence[float | None], colour: str = "", width: float = 0
) -> dict[str, Any]:
    return {
        "name": name,
        "type": "line",
        "showSymbol": len(times) < 40 and not name.startswith("_"),
        "symbol": "none" if name.startswith("_") else "circle",
        "symbolSize": 4,
        "connectNulls": False,
        "data": [[*pair] for pair in zip(times, values, strict=True)],
        **({"lineStyle": {"color": colour, "width": width}, "itemStyle": {"color": colour}} if colour else {}),
    }


def _bars(name: str, data: Sequence[Any]) -> dict[str, Any]:
    style = {"color": "var(--rain)", "borderRadius": [3, 3, 0, 0]}
    return {"name": name, "type": "bar", "data": list(data), "barMaxWidth": 36, "itemStyle": style}
