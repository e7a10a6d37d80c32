"""What did not become an observation, kept in the rejected topic: asking for it, and sending it again."""

from datetime import datetime
from typing import Literal

from killrweather.errors import BadRequest
from killrweather.feed.formats import format_named
from killrweather.messages.base import message

MOST_SHOWN = 1_000
"""Rejected records in one answer."""

Origin = Literal["feed", "stream"]
RetryState = Literal["none", "running", "done", "failed"]


@message
class RejectedRecord:
    """A row that the feed, or a record of the raw topic that the stream, could not read."""

    origin: Origin
    code: str
    """The kind of fault, stable for programs."""
    reason: str
    value: str
    """The line or record as it stood, shortened, and escaped where it is not UTF-8."""
    time: datetime
    """When Kafka got it."""
    source: str | None = None
    """The feed's input: a file, an entry of a zip, or ``body``."""
    line: int | None = None
    field: str | None = None
    found: str | None = None
    """What stood in the field."""
    format: str | None = None
    wsid: str | None = None
    topic: str | None = None
    """Where the stream found it, with partition and offset."""
    partition: int | None = None
    offset: int | None = None
    request_id: str | None = None
    """The request that brought it to the feed, as the nodes' logs have it."""
    is_whole: bool = True
    """All of it is kept; a line that was too long is not, and can't be sent again."""
    is_retried: bool = False


@message
class RejectedCount:
    """How many rows were rejected for one kind of fault, ever: each once, however often the stream came by it."""

    origin: Origin
    code: str
    rejected: int


@message
class GetRejected:
    """Ask for the newest rejected records → RejectedRecords."""

    code: str | None = None
    reason: str | None = None
    """Part of the reason, in any case of letters."""
    origin: Origin | None = None
    limit: int = 20

    def __post_init__(self) -> None:
        if not 0 <= self.limit <= MOST_SHOWN:
            raise BadRequest(f"limit {self.limit}: expected 0 to {MOST_SHOWN}", "limit")

    def wants(self, record: RejectedRecord) -> bool:
        """Whether a record is asked for."""
        return (
            self.code in (None, record.code)
            and self.origin in (None, record.origin)
            and (self.reason is None or self.reason.lower() in record.reason.lower())
        )


@message
class RejectedRecords:
    """Rejected records, the newest last, and how many there are of each kind."""

    records: tuple[RejectedRecord, ...]
    counts: tuple[RejectedCount, ...]


@message
class RetryRejected:
    """Order: send what was rejected and not yet retried through the feed again → RejectedRetry.

    What is rejected again is a new rejected record, for the next retry.
    """

    code: str | None = None
    """Only this kind of fault."""
    format: str | None = None
    """Read the lines as this format instead of the one they were sent as."""

    def __post_init__(self) -> None:
        if self.format is not None:
            format_named(self.format)


@message
class GetRejectedRetry:
    """Ask how far the last retry is → RejectedRetry."""


@message
class RejectedRetry:
    """A retry, how far it is, and in the end its result; ``none`` before the first one."""

    id: str = ""
    state: RetryState = "none"
    text: str = ""
    """Why it failed."""
    retried: int = 0
    """Records that were sent again."""
    accepted: int = 0
    rejected: int = 0
    """Rows of them, of which a record may have several."""
    incomplete: int = 0
    """Records that were not sent, because not all of them was kept."""

    @property
    def is_under_way(self) -> bool:
        """It is neither before nor after its work."""
        return self.state == "running"
