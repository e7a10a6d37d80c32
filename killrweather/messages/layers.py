"""Doing again what was done: the speed layer from the log (replay), the batch layer from the raw rows (recompute).

Neither changes what is right: a raw row's write time is its place in the log, an aggregate's the moment at which the
reading of its parts began.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any, Literal

from killrweather.errors import BadRequest
from killrweather.messages.base import message
from killrweather.messages.ranges import check_year
from killrweather.model.observation import canonical_wsid

RecomputationState = Literal["none", "starting", "running", "waiting", "done", "no-data", "failed", "stopped"]


LAST_OFFSET, LAST_PARTITION = 2**63 - 1, 2**31 - 1
"""The largest that Kafka has numbers for."""


@message
class Replay:
    """Order: read the raw topic again from an offset, from a time, or from its beginning if neither → Replaying.

    Partitions are set back to ``from_offset`` or to their first record since ``from_time``; none is set forward.
    """

    from_offset: int | None = None
    from_time: datetime | None = None
    partition: int | None = None
    """Only this one; None = all."""

    def __post_init__(self) -> None:
        if self.from_offset is not None and self.from_time is not None:
            raise BadRequest("from_offset and from_time: expected one of them, or from_beginning", "from_time")
        for name, last in (("from_offset", LAST_OFFSET), ("partition", LAST_PARTITION)):
            value = getattr(self, name)
            if value is not None and not 0 <= value <= last:
                raise BadRequest(f"{name} {value}: expected 0 to {last}", name)
        if self.from_time is not None:
            text = self.from_time.isoformat()
            if self.from_time.tzinfo is None:
                raise BadRequest(f"from_time {text} has no offset: expected for example {text}Z", "from_time")
            if self.from_time > datetime.now(timezone.utc):
                raise BadRequest(f"from_time {text}: expected a time that is past", "from_time")


@message
class Replaying:
    """A replay: the records of each partition from ``begin`` to before ``until`` are stored again."""

    id: str
    begin: dict[int, int]
    until: dict[int, int]
    has_begun: bool
    """Progress is set back; before that the stream finishes its micro-batch."""

    def remaining(self, stored: Mapping[int, int]) -> int:
        """Records that are still to be stored again, when the stream is at these offsets."""
        return sum(max(0, end - max(stored.get(part, 0), self.begin[part])) for part, end in self.until.items())

    @property
    def records(self) -> int:
        """All records of the replay."""
        return self.remaining(self.begin)


@message
class Recompute:
    """Order: rebuild the days, months and years of one station or all, of one year or all, from the raw rows.

    → Recomputation, once it is known how much there is to do; NoDataAvailable when there is nothing.
    """

    wsid: str | None = None
    year: int | None = None

    def __post_init__(self) -> None:
        if self.wsid is not None:
            object.__setattr__(self, "wsid", canonical_wsid(self.wsid))
        if self.year is not None:
            check_year(self.year)


@message
class GetRecomputation:
    """Ask how far the last recompute is → Recomputation."""


@message
class StopRecomputation:
    """Order: end the recompute that is under way, after some station-years → Recomputation."""


@message
class Recomputation:
    """A recompute, how far it is, and in the end its result; ``none`` before the first one."""

    id: str = ""
    wsid: str | None = None
    year: int | None = None
    state: RecomputationState = "none"
    text: str = ""
    """Why it waits or failed."""
    total: int = 0
    """Station-years to rebuild."""
    station_years: int = 0
    """Station-years that are rebuilt."""
    rows: int = 0
    """Raw rows that were read."""
    days: int = 0
    months: int = 0
    years: int = 0
    seconds: float = 0.0

    @property
    def is_under_way(self) -> bool:
        """It is neither before nor after its work."""
        return self.state in ("starting", "running", "waiting")

    def after(self, event: Mapping[str, Any]) -> "Recomputation":
        """What it is after its process has told this; see ``jobs.events``."""
        match event["event"]:
            case "started":
                return replace(self, state="running", text="", total=event["total"])
            case "chunk":
                names = ("station_years", "rows", "days", "months", "years", "seconds")
                return replace(self, state="running", text="", **{name: event[name] for name in names})
            case "waiting":
                return replace(self, state="waiting", text=event["text"])
            case "done":
                return replace(self, state="done")
            case "nothing":
                return replace(self, state="no-data", text=event["text"])
            case "failed":
                return replace(self, state="failed", text=event["text"])
        return self
