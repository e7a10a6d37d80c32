"""The lines that a reject is about, as they stood, so that they can be read again after a fix."""

from collections.abc import Iterable, Iterator

from killrweather.feed.hours import HourOf, runs_of
from killrweather.feed.rejects import Reject


def kept_lines(data: bytes, first_line: int, rejects: Iterable[Reject], hour_of: HourOf | None) -> Iterator[bytes]:
    """For each reject of these whole lines its own, or with ``hour_of`` all those of its hour.

    A report read again without the others of its hour would make another hour of them.
    """
    lines = data.removesuffix(b"\n").split(b"\n")
    if hour_of is None:
        for reject in rejects:
            yield lines[reject.line - first_line]
        return
    hours: dict[int, list[bytes]] = {}
    runs = list(runs_of(lines, hour_of))
    for run, line in zip(runs, lines, strict=True):
        if line:
            hours.setdefault(run, []).append(line)
    for reject in rejects:
        yield b"\n".join(hours[runs[reject.line - first_line]])
