"""KafkaPublisherActor: under which id the stations of GHCNh are published."""

import asyncio
from types import SimpleNamespace

import pytest
from feed_stage import GHCNH_COLUMNS, ghcnh_line, hourly_line

from actors.kafka_publisher import KafkaPublisherActor
from actors.weather_station import WeatherStationActor
from killrweather.errors import Unavailable
from killrweather.messages.control import RequestFailed
from killrweather.messages.feed import GetWsids, PublishObservations, Wsids
from killrweather.model.station import WeatherStation

HEADER = "|".join(GHCNH_COLUMNS).encode()


class Kafka:
    """Takes records instead of Kafka."""

    def __init__(self):
        self.records = []

    async def publish(self, groups):
        self.records += [(key.decode(), line.decode()) for key, lines in groups for line in lines]
        return {0: len(self.records)}


def publish(order, answer=None):
    """What one publisher answers and publishes, and what it asks; ``answer`` is the guardian's."""
    kafka, asked = Kafka(), []

    async def request(target, message):
        asked.append((target, message))
        return answer

    stand_ins = {"request": staticmethod(request), "_connection": SimpleNamespace(get=lambda: kafka)}
    actor = type("Publisher", (KafkaPublisherActor,), {**stand_ins, "_received": 0, "_accepted": 0, "_rejected": 0})()
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
