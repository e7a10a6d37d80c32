"""Small charts of text: bars and bands in a line, and the band of a year's temperatures over its rain.

Blocks have eight heights and widths (▁▂▃▄▅▆▇█, ▏▎▍▌▋▊▉█), so that a chart shows more than its cells.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

_RISING = " ▁▂▃▄▅▆▇█"
_GROWING = " ▏▎▍▌▋▊▉█"
_HALVES = {(False, False): " ", (True, False): "▀", (False, True): "▄", (True, True): "█"}


@dataclass(frozen=True)
class Day:
    """What is drawn of a day: its temperatures in °C and its rain in mm, where there are any."""

    low: float | None
    high: float | None
    rain: float | None


def bar(value: float | None, most: float, width: int) -> str:
    """A bar from the left, ``width`` cells long at ``most``; anything above zero is seen."""
    if not value or value < 0 or most <= 0:
        return ""
    eighths = max(1, min(8 * width, round(8 * width * value / most)))
    full, rest = divmod(eighths, 8)
    return "█" * full + _GROWING[rest].strip()


def band(low: float, mean: float, high: float, ends: tuple[float, float], width: int) -> str:
    """A line from low to high on the scale of ``ends``, with a dot at the mean."""
    first, dot, last = (_place(value, ends, width) for value in (low, mean, high))
    return "".join("●" if n == dot else "━" if first <= n <= last else " " for n in range(last + 1))


def sparkline(values: Sequence[float | None], most: float) -> str:
    """One block a value, as high as it is against ``most``; nothing where there is none, or it is zero."""
    return "".join(_RISING[max(1, min(8, round(8 * value / most)))] if value and most > 0 else " " for value in values)


def year_chart(days: dict[date, Day], width: int, height: int = 8) -> Iterator[tuple[str, str]]:
    """Lines of a chart with what to draw each in: ``band`` of temperatures, ``rain`` below it, the ``axis``.

    Each column is a day, or a few: their highest, their lowest, the rain of the wettest. Days without data are blank.
    """
    first, last = min(days), max(days)
    dates = [first + timedelta(n) for n in range((last - first).days + 1)]
    labels = len("-99 °C ")
    each = -(-len(dates) // max(1, width - labels))
    groups = [dates[n : n + each] for n in range(0, len(dates), each)]
    columns = [_together([days[day] for day in group if day in days]) for group in groups]
    warm = [(one.low, one.high) for one in columns if one.low is not None and one.high is not None]
    if warm:
        ends = (min(low for low, _ in warm), max(high for _, high in warm))
        spans = [_halves(one, ends, 2 * height) for one in columns]
        for row in range(height):
            label = f"{ends[1]:.0f} °C" if row == 0 else f"{ends[0]:.0f} °C" if row == height - 1 else ""
            yield (
                f"{label:>{labels - 1}} " + "".join(_half_cells(span, 2 * (height - row) - 1) for span in spans),
                "band",
            )
    most = max((one.rain or 0.0 for one in columns), default=0.0)
    if most > 0:
        yield f"{most:.0f} mm".rjust(labels - 1) + " " + sparkline([one.rain for one in columns], most), "rain"
    yield " " * labels + _months([group[0] for group in groups]), "axis"


def _together(days: Sequence[Day]) -> Day:
    lows = [day.low for day in days if day.low is not None]
    highs = [day.high for day in days if day.high is not None]
    rains = [day.rain for day in days if day.rain is not None]
    return Day(min(lows, default=None), max(highs, default=None), max(rains, default=None))


def _halves(day: Day, ends: tuple[float, float], height: int) -> range:
    """The half cells that a band fills, from the lowest, 0."""
    if day.low is None or day.high is None:
        return range(0)
    return range(_place(day.low, ends, height), _place(day.high, ends, height) + 1)


def _half_cells(span: range, upper: int) -> str:
    return _HALVES[upper in span, upper - 1 in span]


def _place(value: float, ends: tuple[float, float], size: int) -> int:
    """Where a value is on a scale of ``size`` cells."""
    lowest, highest = ends
    part = (value - lowest) / (highest - lowest) if highest > lowest else 0.0
    return min(size - 1, int(part * size))


def _months(starts: Sequence[date]) -> str:
    """The months' names, each where it begins and there is room."""
    line, before = "", None
    for column, day in enumerate(starts):
        if (day.year, day.month) != before and len(line) <= column:
            line = line.ljust(column) + f"{day:%b} "
        before = (day.year, day.month)
    return line[: len(starts)].rstrip()
