"""``killrweather client``: the automated client, which asks every kind of question in turn."""

import csv
import dataclasses
import json
import math
import re
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Annotated, Any

import typer

from killrweather.cli import completions
from killrweather.cli.options import ConfigFiles, HomeDirectory, environment
from killrweather.cli.output import Output, csv_out, reader_may_leave
from killrweather.cli.rows import plain
from killrweather.cli.tables import print_table
from killrweather.errors import BadRequest, KillrWeatherError, NoData, StationNotFound
from killrweather.messages.cluster import ClusterView
from killrweather.messages.node import Readiness, Status, shown
from killrweather.model.station import WeatherStation

if TYPE_CHECKING:
    from killrweather.client import Client

_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h)?")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, None: 1.0}
_WIDTH = 110
_CSV_COLUMNS = ("at", "kind", "ms", "failed", "answer")
_TRIED_STATIONS = 100


@dataclass(frozen=True)
class Subject:
    """What the questions are about: a station, and its newest day."""

    station: WeatherStation
    day: date

    @property
    def wsid(self) -> str:
        return self.station.wsid

    @property
    def week(self) -> date:
        """The first of the seven days that end with the newest."""
        return self.day - timedelta(days=6)

    @property
    def name(self) -> str:
        """A word to search for."""
        return (self.station.name or self.wsid).split()[0]

    @property
    def place(self) -> tuple[float, float]:
        return self.station.lat or 0.0, self.station.long or 0.0


QUESTIONS: dict[str, Callable[["Client", Subject], Any]] = {
    "current": lambda client, of: client.current(of.wsid),
    "raw": lambda client, of: tuple(client.raw(of.wsid, of.day, of.day)),
    "daily temperature": lambda client, of: client.daily_temperature(of.wsid, of.week, of.day),
    "monthly temperature": lambda client, of: client.monthly_temperature(of.wsid, of.day.year),
    "annual temperature": lambda client, of: client.annual_temperature(of.wsid),
    "high low": lambda client, of: client.high_low(of.wsid, of.day.year, of.day.month),
    "daily precipitation": lambda client, of: client.daily_precipitation(of.wsid, of.week, of.day),
    "monthly precipitation": lambda client, of: client.monthly_precipitation(of.wsid, of.day.year),
    "annual precipitation": lambda client, of: client.annual_precipitation(of.wsid),
    "top precipitation": lambda client, of: client.top_precipitation(of.wsid, of.day.year, k=3),
    "station": lambda client, of: client.station(of.wsid),
    "station search": lambda client, of: tuple(client.stations(of.name, page_size=100)),
    "stations near": lambda client, of: tuple(client.stations_near(*of.place, km=50, page_size=100)),
    "sky condition": lambda client, of: client.sky_condition(of.day.day % 20),
    "status": lambda client, of: client.status(),
    "ready": lambda client, of: client.ready(),
    "members": lambda client, of: client.members(),
}


@dataclass
class Tally:
    """The questions of one kind."""

    asked: int = 0
    failed: int = 0
    latencies_ms: list[float] = field(default_factory=list)

    def add(self, answer: "Answer") -> None:
        """Count one; what failed has no latency."""
        self.asked += 1
        if answer.has_failed:
            self.failed += 1
        else:
            self.latencies_ms.append(answer.ms)

    @property
    def median_ms(self) -> float | None:
        return round(statistics.median(self.latencies_ms), 2) if self.latencies_ms else None

    @property
    def p99_ms(self) -> float | None:
        """What 99 of 100 did not exceed."""
        ordered = sorted(self.latencies_ms)
        return round(ordered[math.ceil(0.99 * len(ordered)) - 1], 2) if ordered else None


@dataclass(frozen=True)
class Answer:
    """What came of a question: a value, or a text why there is none."""

    kind: str
    ms: float
    value: Any = None
    text: str | None = None
    has_failed: bool = False
    """No answer came; that there is no such data is one."""


def run(
    every: Annotated[str, typer.Option(help="Time between two questions, such as 500ms, 2s or 1m.")] = "2s",
    count: Annotated[int | None, typer.Option(help="Questions in all.", min=1, show_default="until Ctrl-C")] = None,
    wsid: Annotated[
        str | None,
        typer.Option(
            help="The station to ask about.",
            show_default="the first that has data",
            autocompletion=completions.stations,
        ),
    ] = None,
    config: ConfigFiles = None,
    home: HomeDirectory = None,
    *,
    output: Output,
) -> int:
    """Ask every kind of question in turn, and print answer and latency; at the end, how long each kind took.

    Example: `killrweather client --every 500ms --count 34`

    With `--json` each answer is an object in a line of its own, and so is the summary; with `--csv` each is a row.
    Exit code 1 when a question was not answered. That there is no such data is an answer.
    """
    pause_s = seconds_of(every)
    tallies = {kind: Tally() for kind in QUESTIONS}
    show = _print_json if output.as_json else _print_csv if output.as_csv else _print
    with environment(config, home).client() as client, reader_may_leave():
        subject = _subject(client, wsid)
        if output.as_csv:
            csv.writer(csv_out()).writerow(_CSV_COLUMNS)
        try:
            for answer in _ask_in_turn(client, subject, pause_s, count):
                tallies[answer.kind].add(answer)
                show(answer)
        except KeyboardInterrupt:
            pass
        if not output.as_csv:
            _summarize(tallies, output.as_json)
    return 1 if any(tally.failed for tally in tallies.values()) else 0


def seconds_of(text: str) -> float:
    """A duration such as 500ms, 2s, 1m or 2 in s; raises BadRequest."""
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        raise BadRequest(f'--every "{text[:40]}": expected a time such as 500ms, 2s or 1m', "every")
    number, unit = match.groups()
    return float(number) * _SECONDS[unit]


def _subject(client: "Client", wsid: str | None) -> Subject:
    """The station that is asked about; without a choice the first that has data."""
    if wsid is not None:
        try:
            station = client.station(wsid)
        except (NoData, StationNotFound):
            station = WeatherStation(client.current(wsid).wsid)
        return Subject(station, client.current(wsid).time.date())
    for _, station in zip(range(_TRIED_STATIONS), client.stations(page_size=_TRIED_STATIONS), strict=False):
        try:
            return Subject(station, client.current(station.wsid).time.date())
        except (NoData, StationNotFound):
            continue
    raise NoData("no station of the station table has data; load some (killrweather load), or name one by --wsid")


def _ask_in_turn(client: "Client", subject: Subject, pause_s: float, count: int | None) -> Iterator[Answer]:
    start, asked = time.monotonic(), 0
    while count is None or asked < count:
        kind = list(QUESTIONS)[asked % len(QUESTIONS)]
        time.sleep(max(0.0, start + asked * pause_s - time.monotonic()))
        yield _ask(client, subject, kind)
        asked += 1


def _ask(client: "Client", subject: Subject, kind: str) -> Answer:
    def ms() -> float:
        return round((time.perf_counter() - start) * 1_000, 2)

    start = time.perf_counter()
    try:
        value = QUESTIONS[kind](client, subject)
    except (NoData, StationNotFound) as absence:
        return Answer(kind, ms(), text=str(absence))
    except KillrWeatherError as error:
        return Answer(kind, ms(), text=str(error), has_failed=True)
    return Answer(kind, ms(), value)


def _print(answer: Answer) -> None:
    text = told(answer.value) if answer.text is None else answer.text
    mark = "FAILED " if answer.has_failed else ""
    now = datetime.now(timezone.utc).strftime("%H:%M:%S")
    text = " ".join(f"{mark}{text}".split())
    short = text if len(text) <= _WIDTH else f"{text[: _WIDTH - 1]}…"
    print(f"{now} {answer.ms:9,.1f} ms  {answer.kind:<21} {short}", flush=True)


def _print_json(answer: Answer) -> None:
    now = datetime.now(timezone.utc).isoformat(timespec="milliseconds")
    found = {"at": now, "kind": answer.kind, "ms": answer.ms, "failed": answer.has_failed}
    found |= {"answer": plain(answer.value)} if answer.text is None else {"problem": answer.text}
    print(json.dumps(found), flush=True)


def _print_csv(answer: Answer) -> None:
    now = datetime.now(timezone.utc).isoformat(timespec="milliseconds")
    text = told(answer.value) if answer.text is None else answer.text
    csv.writer(csv_out()).writerow([now, answer.kind, answer.ms, answer.has_failed, text])
    sys.stdout.flush()


def _summarize(tallies: dict[str, Tally], as_json: bool) -> None:
    rows = [
        {"kind": kind, "asked": one.asked, "failed": one.failed, "median_ms": one.median_ms, "p99_ms": one.p99_ms}
        for kind, one in tallies.items()
        if one.asked
    ]
    if as_json:
        print(json.dumps({"summary": rows}), flush=True)
    elif rows:
        print()
        print_table([list(row.values()) for row in rows], ["kind", "asked", "failed", "median ms", "p99 ms"])


def told(value: Any) -> str:
    """An answer in a line for people."""
    match value:
        case Status(node, stream):
            lag = shown(stream.lag) if stream else "unknown"
            return f"{node.name} is {node.state}, {shown(node.counters.stored)} rows stored, lag {lag}"
        case Readiness(is_ready, checks):
            missing = ", ".join(check.name for check in checks if not check.ok)
            return "ready" if is_ready else f"not ready: {missing}"
        case ClusterView(members=members):
            return ", ".join(f"{member.name} is {member.state}" for member in members) or value.problem
        case tuple():
            if len(value) > 1:
                return f"{len(value)} values, the last: {told(value[-1])}"
            return told(value[0]) if value else "none"
    known = ((each.name, getattr(value, each.name)) for each in dataclasses.fields(value))
    return ", ".join(f"{name} {_number(found)}" for name, found in known if found is not None)


def _number(value: Any) -> Any:
    return f"{value:.1f}" if isinstance(value, float) else value
