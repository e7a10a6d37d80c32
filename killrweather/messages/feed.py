"""What travels between the feed and Kafka's publishers."""

from killrweather.feed.rejects import Reject
from killrweather.messages.base import message


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


@message
class ObservationsPublished:
    """Kafka has acknowledged every accepted row of a PublishObservations; read = accepted + rejected."""

    read: int
    accepted: int
    rejected: int
    rejects: tuple[Reject, ...]
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
