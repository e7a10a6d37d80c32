"""KafkaPublisherActor: under which id the stations of GHCNh are published, and what it keeps of what it rejects."""

import asyncio
from types import SimpleNamespace

import pytest
from feed_stage import GHCNH_COLUMNS, ghcnh_line, hourly_line

from actors.kafka_publisher import KafkaPublisherActor
from actors.weather_station import WeatherStationActor
from killrweather.errors import Unavailable
from killrweather.feed.rejects import Reject
from killrweather.messages.control import RequestFailed
from killrweather.messages.feed import GetWsids, PublishObservations, Wsids
from killrweather.model.station import WeatherStation
from killrweather.request_id import working_for

HEADER = "|".join(GHCNH_COLUMNS).encode()


class Kafka:
    """Takes records instead of a topic of Kafka."""

    def __init__(self):
        self.records, self.headers = [], []

    async def publish(self, groups):
        for key, lines, *headers in groups:
            self.records += [(key.decode(), line.decode()) for line in lines]
            self.headers += [dict(each) for each in headers]
        return {0: len(self.records)}


def publish(order, answer=None, rejected=None, kafka=None):
    """What one publisher answers and publishes, and what it asks; ``answer`` is the guardian's."""
    kafka, asked = kafka or Kafka(), []

    async def request(target, message):
        asked.append((target, message))
        return answer

    stand_ins = {"request": staticmethod(request), "_connection": SimpleNamespace(get=lambda: kafka)}
    actor = type("Publisher", (KafkaPublisherActor,), {**stand_ins, "_rejected": rejected or Kafka()})()
    return asyncio.run(actor.receiveMsg_PublishObservations(order, None)), kafka.records, asked


def reports(*stations):
    text = "".join(ghcnh_line(STATION=station, precipitation="0.3") + "\n" for station in stations)
    return PublishObservations("ghcnh", text.encode(), 2, HEADER)


def test_an_airport_of_ghcnh_is_published_under_the_id_of_the_station_table():
    """The key of the record is that id, too; a station that the table does not tell keeps its own."""
    answer, records, asked = publish(
        reports("USW00014732", "USW00003046", "NOI0000ENJA"), Wsids({"USW00014732": "725030:14732"})
    )

    assert asked == [("guardian", GetWsids(("USW00003046", "USW00014732")))]
    assert [(key, line.split(",")[0]) for key, line in records] == [
        ("725030:14732", "725030:14732"), ("USW00003046", "USW00003046"), ("NOI0000ENJA", "NOI0000ENJA")
    ]  # fmt: skip
    assert (answer.read, answer.accepted, answer.rejected) == (3, 3, 0)


def test_when_the_station_table_is_away_nothing_is_published():
    """The sender is told to come back: a station never gets two ids by an accident."""
    for kind in ("unavailable", "timed-out", "failed"):
        with pytest.raises(Unavailable, match=r"station USW00014732: .*Cassandra is away"):
            publish(reports("USW00014732"), RequestFailed(kind, "Cassandra is away"))


def test_the_hourly_csv_asks_nobody():
    """Its stations have their ids."""
    _, records, asked = publish(PublishObservations("csv", f"{hourly_line()}\n".encode(), 1))

    assert (len(records), asked) == (1, [])


def test_the_station_actor_tells_ids_by_its_table():
    """One that it does not know is left out."""

    async def table(self):
        return [WeatherStation("999999:14732"), WeatherStation("725030:14732")]

    actor = type("Stations", (WeatherStationActor,), {"_all": table})()
    answer = asyncio.run(actor.receiveMsg_GetWsids(GetWsids(("USW00003046", "USW00014732")), None))

    assert answer == Wsids({"USW00014732": "725030:14732"})


def test_a_rejected_row_is_kept_with_its_line_reason_and_place():
    """All of them, beyond those that the answer tells; the good rows go where they always go."""
    good, bad = hourly_line(), hourly_line(month="13")
    data = "\n".join([good, *[bad] * 150, good]) + "\n"
    rejected = Kafka()
    answer, records, _ = publish(
        PublishObservations("csv", data.encode(), 11, source="a.zip/2008.csv"), rejected=rejected
    )

    assert (answer.read, answer.accepted, answer.rejected, len(answer.rejects)) == (152, 2, 150, 100)
    assert rejected.records == [("a.zip/2008.csv", bad)] * 150
    assert [int(each["line"]) for each in rejected.headers] == list(range(12, 162))
    assert rejected.headers[0] == {
        "origin": b"feed", "format": b"csv", "source": b"a.zip/2008.csv", "line": b"12", "code": b"calendar",
        "reason": b"expected 1\xe2\x80\xa612", "found": b"13", "field": b"month",
    }  # fmt: skip
    assert len(records) == 2


def test_a_rejected_row_names_its_request_and_a_published_one_does_not():
    """A header on each record of the raw topic would cost the feed more than it is worth."""
    good, rejected = Kafka(), Kafka()
    with working_for("r-1"):
        publish(
            PublishObservations("csv", f"{hourly_line(month='13')}\n{hourly_line()}\n".encode(), 1),
            None,
            rejected,
            good,
        )

    assert [each["request_id"] for each in rejected.headers] == [b"r-1"]
    assert (len(good.records), good.headers) == (1, [])


def test_where_a_request_s_rows_went_is_logged_for_who_wants_to_know(caplog):
    """At DEBUG: one line for each chunk would be too many."""
    with caplog.at_level("DEBUG", "actors.kafka_publisher"):
        publish(PublishObservations("csv", f"{hourly_line()}\n".encode(), 1, source="a.csv"))
    [line] = caplog.records

    assert (line.getMessage(), line.levelname) == ("published", "DEBUG")
    assert (line.source, line.rows, line.next_offsets, line.rejected) == ("a.csv", 1, {0: 1}, 0)


def test_a_line_that_was_too_long_is_kept_as_far_as_it_was_held():
    """With a mark, so that nobody sends a part of it again."""
    rejected = Kafka()
    long = Reject(7, None, "725030:1473…", "line of more than 65,536 bytes", "too-long")
    answer, _, _ = publish(PublishObservations("csv", b"", 8, rejects=(long,)), rejected=rejected)

    assert (answer.read, answer.rejected) == (0, 0)
    assert rejected.records == [("body", "725030:1473…")]
    assert (rejected.headers[0]["cut"], rejected.headers[0]["line"]) == (b"true", b"7")


def test_a_rejected_report_is_kept_with_all_reports_of_its_hour():
    """Alone it would be read as another hour; the header that names its columns goes with it."""
    times = ("2024-01-01T12:51:00", "2024-01-01T13:15:00", "2024-01-01T13:51:00", "2024-01-01T14:51:00")
    lines = [ghcnh_line(time, precipitation="0.3") for time in times]
    lines[1] = ghcnh_line(times[1], precipitation="x")
    rejected = Kafka()
    publish(PublishObservations("ghcnh", ("\n".join(lines) + "\n").encode(), 2, HEADER), Wsids({}), rejected)

    assert rejected.records == [("body", f"{lines[1]}\n{lines[2]}")]
    assert (rejected.headers[0]["line"], rejected.headers[0]["header"]) == (b"3", HEADER)
