"""What travels between the feed and Kafka's publishers."""

from killrweather.feed.rejects import Reject
from killrweather.messages.base import message

TOLD_REJECTS = 100
"""Rejected rows that an answer tells; all of them are counted, and kept in the rejected topic."""


@message
class PublishObservations:
    """Order: read these whole lines of an input, and publish the good ones → ObservationsPublished."""

    format: str
    """The name of a format in ``killrweather.feed``."""
    data: bytes
    first_line: int
    """The line number of the first line of ``data``, counted from 1."""
    header: bytes | None = None
    wsid: str | None = None
    """The station, for formats that don't say it in the line."""
    source: str = "body"
    """The input's name."""
    rejects: tuple[Reject, ...] = ()
    """Lines of the input that were too long to be kept: to be published as rejected, and not in the answer."""


@message
class ObservationsPublished:
    """Kafka has acknowledged every row of a PublishObservations, good or rejected; read = accepted + rejected."""

    read: int
    accepted: int
    rejected: int
    rejects: tuple[Reject, ...]
    """The first ``TOLD_REJECTS`` of them."""
    next_offsets: dict[int, int]
    """For each partition that was written, the offset after the last of these rows."""


@message
class GetWsids:
    """Ask under which wsids the stations with these GHCNh ids are kept → Wsids."""

    ghcnh_ids: tuple[str, ...]


@message
class Wsids:
    """The USAF:WBAN of each GHCNh id that the station table tells; the others stay as they are."""

    wsids: dict[str, str]
