"""The HTTP API of a whole system: against its own description, and the live stream of real rows."""

import asyncio
import json
from contextlib import aclosing, asynccontextmanager

import httpx
import psutil
import pytest
from api_check import check_api
from hostile import LARGE_HANDSHAKE, NO_HTTP, POST_DATA, TOO_LARGE_HEADS, UNREADABLE, cut_off, exchange, post_of
from whole_system import WholeSystem

from killrweather.actorsystem.testkit import eventually

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def system(tmp_path_factory):
    """One system for all tests of this file."""
    system = WholeSystem.configure(tmp_path_factory.mktemp("system"))
    system.up()
    system.run("status", "--wait", "ready", "--timeout", "120")
    yield system
    system.down()


def line(wsid, hour, temperature=5.0):
    return f"{wsid},2012,03,{1 + hour // 24:02},{hour % 24:02},{temperature},0.5,1000.0,10,1.0,1,1.0,\n"


@asynccontextmanager
async def listening(system, last_event_id=None, **params):
    """The observations of a stream that has begun, each with its id."""
    headers = {"Last-Event-ID": last_event_id} if last_event_id else {}
    async with (
        httpx.AsyncClient(base_url=system.url, timeout=30) as client,
        client.stream("GET", "/weather/events", params=params, headers=headers) as answer,
    ):
        assert answer.status_code == 200
        lines = answer.aiter_lines()
        assert (await anext(lines)).startswith("retry: ")
        async with aclosing(observations(lines)) as events:
            yield events


async def observations(lines):
    place = ""
    async for text in lines:
        if text.startswith("id: "):
            place = text[4:]
        elif text.startswith("data: "):
            yield json.loads(text[6:]), place


async def some(events, number):
    return [await asyncio.wait_for(anext(events), 30) for _ in range(number)]


def test_a_reader_is_told_each_row_once_and_misses_none_when_it_comes_back(system):
    """Rows of both partitions, as they are accepted; of other stations nothing; afterwards they can be asked for."""
    wsids = [f"70700{n}:00001" for n in range(8)]
    rows = [line(wsid, hour, hour + 0.25) for hour in range(50) for wsid in wsids]

    async def scenario():
        async with listening(system, wsid=wsids[:4]) as events:
            system.post("".join(rows[:200]).encode(), format="csv")
            seen = await some(events, 60)
        answer = system.post("".join(rows[200:]).encode(), format="csv")
        async with listening(system, seen[-1][1], wsid=wsids[:4]) as events:
            return seen + await some(events, 140), answer.json()["next_offsets"]

    told, offsets = asyncio.run(scenario())

    places = [(row["wsid"], row["day"], row["hour"]) for row, _ in told]
    assert sorted(places) == sorted((wsid, 1 + hour // 24, hour % 24) for wsid in wsids[:4] for hour in range(50))
    eventually(lambda: system.stored(offsets), 30)
    stored = system.get(f"/weather/stations/{wsids[0]}/raw", start="2012-03-01", end="2012-03-03").json()
    assert stored == [row for row, _ in told if row["wsid"] == wsids[0]]


def test_a_thousand_readers_miss_none_of_500_rows_a_second(system):
    """Each gets every row of ten seconds, and the feed takes them in time."""
    readers, seconds, rate = 1_000, 10, 500

    async def scenario():
        sockets = [await connected(system) for _ in range(readers)]
        counting = asyncio.gather(*(count(reader, seconds * rate) for reader, _ in sockets))
        async with httpx.AsyncClient(base_url=system.url, timeout=30) as client:
            for second in range(seconds):
                began = asyncio.get_running_loop().time()
                body = "".join(line(f"708{n:03}:00001", second, 1.5) for n in range(rate))
                assert (await client.post("/weather/data", content=body, params={"format": "csv"})).status_code == 202
                await asyncio.sleep(max(0.0, began + 1 - asyncio.get_running_loop().time()))
        found = await asyncio.wait_for(counting, 120)
        for _, writer in sockets:
            writer.close()
        return found

    assert set(asyncio.run(scenario())) == {seconds * rate}


async def connected(system):
    reader, writer = await asyncio.open_connection("127.0.0.1", system.port)
    writer.write(b"GET /weather/events HTTP/1.1\r\nHost: x\r\n\r\n")
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
    return reader, writer


async def count(reader, number):
    """Events that have come when there are so many, or the node ends the stream."""
    found, rest = 0, b""
    while found < number and (data := await reader.read(1 << 16)):
        data = rest + data
        assert b"event: closed" not in data, data[-500:]
        found += data.count(b"event: observation")
        rest = data[-17:]  # one byte less than what is counted
    return found


def test_hostile_clients_restart_no_actor_fill_no_log_and_keep_nobody_waiting(system):
    """All of them at once, and uploads that are cut off: good rows are taken meanwhile, and all stored."""
    before = [(actor["name"], actor["pid"], actor["restarts"]) for actor in system.node()["actors"]]
    log = system.home / "logs" / "node.log"
    door = psutil.Process(system.actor("http-feed")["pid"])
    unreadable = [post_of(*body, b"Connection: close\r\n") for body in UNREADABLE.values()]
    storm = [*NO_HTTP.values(), *TOO_LARGE_HEADS.values(), LARGE_HANDSHAKE, *unreadable]
    cut = POST_DATA + b"Content-Length: 999999\r\n\r\n" + "".join(line("709000:00001", n) for n in range(600)).encode()

    async def scenario():
        offsets, statuses = [], set()
        hostile = asyncio.gather(*(exchange(system.port, sent) for sent in storm))
        cuts = asyncio.gather(*(cut_off(system.port, cut[: len(cut) - 7 * n]) for n in range(20)))
        async with httpx.AsyncClient(base_url=system.url, timeout=30) as client:
            for hour in range(240):
                answer = await client.post(
                    "/weather/data", content=line("709001:00001", hour), params={"format": "csv"}
                )
                statuses.add(answer.status_code)
                offsets.append(answer.json().get("next_offsets", {}))
                if hostile.done():
                    break
        await cuts
        return await hostile, statuses, offsets

    system.post(line("709001:00001", 0).encode(), format="csv")
    held, lines = door.memory_info().rss, log.read_text().count("\n")
    received, statuses, offsets = asyncio.run(scenario())
    grown, new_lines = door.memory_info().rss - held, log.read_text().splitlines()[lines:]

    assert statuses == {202}
    assert not [one[:200] for one in received if one.startswith(b"HTTP/1.1 5")]
    assert not [one for one in received if b"Traceback" in one or str(system.home).encode() in one]
    assert [(actor["name"], actor["pid"], actor["restarts"]) for actor in system.node()["actors"]] == before
    assert not [text for text in new_lines if " ERROR " in text or "trace=" in text or "http-feed" in text]
    assert grown < 100 << 20
    eventually(lambda: system.stored(offsets[-1]), 30)
    stored = system.get("/weather/stations/709001:00001/raw", start="2012-03-01", end="2012-03-11").json()
    assert len(stored) == len(offsets)


def test_every_call_is_as_the_openapi_document_says(system, tmp_path):
    """Schemathesis with all its checks finds nothing, and nobody but the senders notices that it looked.

    It learns the node's name from an answer, so it may not order nodes to leave: this one would.
    """
    before = [(actor["name"], actor["pid"], actor["restarts"]) for actor in system.node()["actors"]]
    leave = "/cluster/members/{name}/leave"
    check_api(system.url, tmp_path, 5, "--phases", "examples,coverage,fuzzing", "--exclude-path", leave)

    system.run("status", "--wait", "ready", "--timeout", "120")
    assert [(actor["name"], actor["pid"], actor["restarts"]) for actor in system.node()["actors"]] == before
