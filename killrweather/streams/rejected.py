"""The rejected topic: what its records say, and what they come to when they are read from the first on.

Three kinds of records, told by the header ``origin``: rows that the feed rejected, records that the stream rejected
(from before there was such a header, too), and notes of how far a retry has got. So all that is known of rejected
records is in one log: it survives every process, and is as old as what it is about.
"""

import json
import logging
from collections import Counter, deque
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timezone
from typing import Literal, Protocol

from aiokafka import AIOKafkaConsumer
from aiokafka.structs import ConsumerRecord, TopicPartition

from killrweather.feed.formats import FORMAT_NAMES
from killrweather.feed.rejects import Reject
from killrweather.messages.feed import PublishObservations
from killrweather.messages.rejected import GetRejected, RejectedRecord
from killrweather.request_id import current
from killrweather.streams.offsets import Span
from killrweather.streams.producer import Keyed

log = logging.getLogger(__name__)

KEPT_BYTES = 131_072
"""Of a longer line or hour only so much is kept."""

_SHOWN_CHARACTERS = 400
_NOTE = b"retry"
_ALL = ""
_NUMBERS = {"line", "partition", "offset", "since"}
_POLL_MS = 1_000
_WINDOW = 2_000
"""Records that are read at once on the way from the newest to older ones."""


class Kept(Protocol):
    """What is needed of a Kafka record."""

    partition: int
    offset: int
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]


def feed_records(order: PublishObservations, rejects: Iterable[tuple[Reject, bytes | None]]) -> Iterator[Keyed]:
    """The records of rows that the feed rejected, each with its lines; None for one that was too long to be held.

    Their key is the input's name, so that they stay in its order. They say which request brought them.
    """
    about = [("origin", b"feed"), ("format", order.format.encode()), ("source", order.source.encode())]
    if order.wsid is not None:
        about.append(("wsid", order.wsid.encode()))
    if order.header is not None:
        about.append(("header", order.header))
    if request_id := current():
        about.append(("request_id", request_id.encode()))
    for reject, lines in rejects:
        headers = [*about, ("line", str(reject.line).encode()), ("code", reject.code.encode())]
        headers += [("reason", reject.reason.encode()), ("found", reject.value.encode())]
        if reject.field is not None:
            headers.append(("field", reject.field.encode()))
        value = reject.value.encode() if lines is None else lines[:KEPT_BYTES]
        if lines is None or len(lines) > KEPT_BYTES:
            headers.append(("cut", b"true"))
        yield order.source.encode(), [value], headers


def retry_note(code: str | None, until: Mapping[int, int]) -> Keyed:
    """The record that says: what was rejected for this, or for anything, before these offsets has been retried."""
    headers = [("origin", _NOTE), ("code", (code or _ALL).encode())]
    return _NOTE, [json.dumps(dict(until)).encode()], headers


def order_of(record: Kept, format: str | None = None) -> PublishObservations | None:
    """The order to read a rejected record again, as ``format`` if it is given.

    None if not all of it was kept, or if it is of a format that this version does not know.
    """
    headers = _headers(record)
    format = format or _text(headers, "format") or "csv"
    if not record.value or "cut" in headers or format not in FORMAT_NAMES:
        return None
    place = _text(headers, "topic") or "rejected", _text(headers, "partition") or record.partition
    return PublishObservations(
        format,
        record.value,
        int(headers.get("line", b"1")),
        headers.get("header"),
        _text(headers, "wsid"),
        _text(headers, "source") or "{}-{}".format(*place),
    )


class RejectedLog:
    """What the records of the rejected topic come to; each partition's are given in their order, from its first on."""

    def __init__(self) -> None:
        self.counts: Counter[tuple[str, str]] = Counter()
        """Rejected rows by origin and code."""
        self._retried: dict[str, dict[int, int]] = {_ALL: {}}
        self._distinct = Distinct()

    def take(self, record: Kept) -> None:
        """Count a record, or take in a note; what nothing of this system wrote counts as a rejected row, too."""
        headers = _headers(record)
        if not headers and record.headers:
            place = {"partition": record.partition, "offset": record.offset}
            log.warning("a record of the rejected topic has headers that this system does not write", extra=place)
        code = _text(headers, "code")
        if headers.get("origin") == _NOTE:
            until = self._retried.setdefault(code or _ALL, {})
            for partition, offset in _noted(record).items():
                until[partition] = max(offset, until.get(partition, 0))
        elif self._distinct.is_new(record):
            self.counts[_origin(headers), code or "other"] += 1

    def retried_until(self, partition: int, code: str | None) -> int:
        """Before this offset of the rejected topic everything with this code, or with any, has been retried."""
        of_all = self._retried[_ALL].get(partition, 0)
        return of_all if code is None else max(of_all, self._retried.get(code, {}).get(partition, 0))


class Distinct:
    """Tells what the stream sent a second time.

    A micro-batch that was interrupted comes again from the same offset, and sends what it rejects again to the same
    partition; no later one begins before it. So a record from before the newest micro-batch is a repeat, and only the
    places in that micro-batch have to be remembered.
    """

    def __init__(self) -> None:
        self._newest: dict[tuple[int, str, int], tuple[int, set[int]]] = {}

    def is_new(self, record: Kept) -> bool:
        """Whether this is the first of its kind; what the feed rejected always is."""
        headers = _headers(record)
        if "since" not in headers:
            return headers.get("origin") != _NOTE
        since, offset = int(headers["since"]), int(headers["offset"])
        place = record.partition, headers["topic"].decode(), int(headers["partition"])
        newest, seen = self._newest.get(place, (-1, set()))
        if since > newest:
            newest, seen = since, {one for one in seen if one >= since}
            self._newest[place] = newest, seen
        if offset < newest or offset in seen:
            return False
        seen.add(offset)
        return True


def shown(record: ConsumerRecord, log: RejectedLog) -> RejectedRecord | None:
    """A record as people see it; None for a note."""
    headers = _headers(record)
    if headers.get("origin") == _NOTE:
        return None
    value = (record.value or b"")[: 4 * _SHOWN_CHARACTERS + 4].decode("utf-8", "backslashreplace")
    code = _text(headers, "code") or "other"
    return RejectedRecord(
        origin=_origin(headers),
        code=code,
        reason=_text(headers, "reason") or "",
        value=value if len(value) <= _SHOWN_CHARACTERS else f"{value[: _SHOWN_CHARACTERS - 1]}…",
        time=datetime.fromtimestamp(record.timestamp / 1000, timezone.utc),
        source=_text(headers, "source"),
        line=_number(headers, "line"),
        field=_text(headers, "field"),
        found=_text(headers, "found"),
        format=_text(headers, "format"),
        wsid=_text(headers, "wsid"),
        topic=_text(headers, "topic"),
        partition=_number(headers, "partition"),
        offset=_number(headers, "offset"),
        request_id=_text(headers, "request_id"),
        is_whole="cut" not in headers,
        is_retried=record.offset < log.retried_until(record.partition, code),
    )


async def newest(
    reader: AIOKafkaConsumer, partition: TopicPartition, span: Span, log: RejectedLog, order: GetRejected
) -> list[RejectedRecord]:
    """The newest of a partition that are asked for, found from its end backwards, the oldest first."""
    found: deque[RejectedRecord] = deque()
    seen: set[tuple[str, int, int]] = set()
    end = span.end
    while end > span.begin and len(found) < order.limit:
        low = max(span.begin, end - _WINDOW)
        page = [shown(record, log) async for record in between(reader, partition, low, end)]
        for record in reversed(page):
            if record is None or not order.wants(record):
                continue
            if record.topic is not None and record.partition is not None and record.offset is not None:
                place = record.topic, record.partition, record.offset
                if place in seen:
                    continue
                seen.add(place)
            found.appendleft(record)
        end = low
    return list(found)[-order.limit :] if order.limit else []


async def between(
    consumer: AIOKafkaConsumer, partition: TopicPartition, begin: int, end: int
) -> AsyncIterator[ConsumerRecord]:
    """The records of a partition from one offset to before another; the consumer has nothing else to read."""
    consumer.assign([partition])
    consumer.seek(partition, begin)
    while begin < end:
        for record in (await consumer.getmany(partition, timeout_ms=_POLL_MS)).get(partition, ()):
            if record.offset < end:
                yield record
        begin = await consumer.position(partition)


def _headers(record: Kept) -> dict[str, bytes]:
    """The headers of a record; none where they are not as this system writes them, for anybody may write there."""
    headers = dict(record.headers)
    try:
        for name in _NUMBERS & headers.keys():
            int(headers[name])
        if "since" in headers:
            _ = headers["topic"].decode(), headers["partition"], headers["offset"]
        if headers.get("origin") == _NOTE:
            _noted(record)
    except (ValueError, LookupError, TypeError, AttributeError, OverflowError, RecursionError):
        return {}
    return headers


def _noted(record: Kept) -> dict[int, int]:
    """What a note says: before which offset of each partition all has been retried."""
    return {int(partition): int(offset) for partition, offset in json.loads(record.value or b"").items()}


def _origin(headers: Mapping[str, bytes]) -> Literal["feed", "stream"]:
    return "feed" if headers.get("origin") == b"feed" else "stream"


def _text(headers: Mapping[str, bytes], name: str) -> str | None:
    value = headers.get(name)
    return None if value is None else value.decode("utf-8", "replace")


def _number(headers: Mapping[str, bytes], name: str) -> int | None:
    value = headers.get(name)
    return None if value is None else int(value)
