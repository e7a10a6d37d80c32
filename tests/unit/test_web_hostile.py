"""Clients that mean no good, over real sockets: each gets its answer, or none, and everybody else theirs."""

import asyncio
import contextlib
import gzip
import json
import logging

import httpx
import psutil
import pytest
from api_stage import WholeNode
from hostile import (
    ALIVE,
    CHUNKED,
    GET_ALIVE,
    HANDSHAKE,
    LARGE_HANDSHAKE,
    NO_HTTP,
    POST_DATA,
    TOO_LARGE_HEADS,
    UNREADABLE,
    cut_off,
    exchange,
    head_of_answer,
    post_of,
)
from server_stage import port_of, serving
from web_stage import LINE, Node, hour

from killrweather.logs import log_to_file
from killrweather.settings import Logging
from killrweather.web import access, bodies, serve

GIGABYTE = 1 << 30
MOST_GROWN = 40 << 20
"""Bytes that this process may hold more, of which the server's part is some blocks."""


def problem_in(answer: bytes) -> dict:
    """The one problem document that came back."""
    head, _, body = answer.partition(b"\r\n\r\n")

    assert b"content-type: application/problem+json" in head.lower(), answer[:500]
    assert answer.count(b"HTTP/1.1 ") == 1
    return json.loads(body)


async def nobody_at_work(server):
    """Wait until the last connection is gone, and nothing of what it was for is left."""
    state = server._server.server_state
    for _ in range(500):
        if not state.connections and not state.tasks:
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"{state.connections} {state.tasks}")


@pytest.fixture
def log_file(tmp_path):
    """What the log of a node gets."""
    root, handlers, level = logging.root, logging.root.handlers[:], logging.root.level
    log_to_file(tmp_path / "node.log", Logging(), "http-feed")
    yield tmp_path / "node.log"
    for handler in logging.root.handlers[:]:
        handler.close()
    logging.root.handlers[:] = handlers
    root.setLevel(level)


@pytest.mark.parametrize("sent", NO_HTTP.values(), ids=NO_HTTP)
def test_what_is_no_http_or_may_be_read_in_two_ways_is_refused_once(node, sent):
    """400 and the end: what stands behind it on the connection is no request, and nothing was published."""

    async def scenario():
        async with serving(node) as server:
            return await exchange(port_of(server), sent)

    assert problem_in(asyncio.run(scenario()))["type"] == "bad-request"
    assert node.asked == []


@pytest.mark.parametrize("sent", TOO_LARGE_HEADS.values(), ids=TOO_LARGE_HEADS)
def test_a_head_that_is_too_large_is_refused(sent):
    """431, before it is held whole."""

    async def scenario():
        async with serving() as server:
            return await exchange(port_of(server), sent)

    assert problem_in(asyncio.run(scenario()))["type"] == "head-too-large"


def test_a_cookie_that_is_hard_to_read_holds_up_nobody():
    """Python's own parser takes seconds for this one, and the whole node with it."""
    cookie = b'killrweather_login="' + b'\\"' * 15_000 + b'"'

    async def scenario():
        async with serving(token="s3cret") as server:
            begin = asyncio.get_running_loop().time()
            answer = await head_of_answer(
                port_of(server), b"GET /status HTTP/1.1\r\nHost: x\r\nCookie: " + cookie + b"\r\n\r\n"
            )
            return answer, asyncio.get_running_loop().time() - begin

    answer, seconds = asyncio.run(scenario())

    assert answer.startswith(b"HTTP/1.1 401 ")
    assert seconds < 1


@pytest.mark.parametrize("kind", UNREADABLE)
def test_a_body_of_a_wrong_kind_is_the_sender_s_problem(node, caplog, kind):
    """422 that says so, without a word of the inside, and the next body is taken."""
    sent = post_of(*UNREADABLE[kind], b"Connection: close\r\n")

    async def scenario():
        async with serving(node) as server, httpx.AsyncClient(base_url=server.url) as client:
            return await exchange(port_of(server), sent), await client.post("/weather/data", content=LINE)

    received, after = asyncio.run(scenario())

    assert problem_in(received)["type"] in ("unreadable-input", "nothing-accepted")
    assert not any(word in received for word in (b"Traceback", b".py", b"Error("))
    assert after.json()["accepted"] == 1
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


def test_a_gigabyte_without_a_line_s_end_is_one_reject(node):
    """Sent as the megabyte that gzip makes of it; never held whole, and its neighbours are accepted."""
    packed = gzip.compress(hour(0).encode()) + zeros(GIGABYTE) + gzip.compress(b"\n" + hour(1).encode())

    async def scenario():
        async with serving(node) as server, httpx.AsyncClient(base_url=server.url, timeout=120) as client:
            before = psutil.Process().memory_info().rss
            upload = asyncio.create_task(client.post("/weather/data?format=csv", content=packed))
            meanwhile, most = [], 0
            while not upload.done():
                meanwhile.append((await client.get("/alive")).status_code)
                most = max(most, psutil.Process().memory_info().rss - before)
                await asyncio.sleep(0.05)
            return (await upload).json(), meanwhile, most

    answer, meanwhile, most = asyncio.run(scenario())

    assert (answer["read"], answer["accepted"], answer["rejected"]) == (3, 2, 1)
    assert set(meanwhile) == {200}
    assert most < MOST_GROWN


def zeros(size):
    """So many zeros as text, as gzip; a block at a time is enough for all."""
    block = gzip.compress(b"0" * (GIGABYTE >> 6))
    return block * (size // (GIGABYTE >> 6))


def test_a_body_that_never_ends_is_refused_at_the_limit(node, monkeypatch):
    """413 though no length was said, without a line having been there."""
    monkeypatch.setattr(serve, "STALL_S", 0.3)
    block = b"10000\r\n" + b"9" * 65_536 + b"\r\n"

    async def scenario():
        async with serving(node, max_body_bytes=1_000_000) as server:
            return await exchange(port_of(server), CHUNKED.replace(b"data", b"data?format=csv") + block * 64)

    assert problem_in(asyncio.run(scenario()))["type"] == "body-too-large"
    assert node.asked == []


def test_uploads_that_are_cut_off_leave_nothing_but_what_was_acknowledged(node):
    """Whole blocks of rows stay, each once; no task, no open file and no place of an upload is kept."""
    rows = "".join(hour(n) for n in range(672)).encode() * 60
    head = POST_DATA + b"Content-Type: text/csv\r\nContent-Length: 100000000\r\n\r\n"

    async def scenario():
        async with serving(node) as server, httpx.AsyncClient(base_url=server.url) as client:
            await client.get("/alive")
            before = psutil.Process().num_fds()
            for length in (0, 1, 100, len(rows) // 3, len(rows) // 2, len(rows)):
                await asyncio.gather(*(cut_off(port_of(server), head + rows[:length]) for _ in range(12)))
            kept = server._server.server_state
            for _ in range(1_000):
                if len(kept.connections) == 1 and not kept.tasks:
                    break
                await asyncio.sleep(0.01)
            open_now = psutil.Process().num_fds() - before
            return len(kept.tasks), open_now, await client.post("/weather/data", content=LINE)

    tasks, files, after = asyncio.run(scenario())
    published = [order.data for order in node.asked]

    assert (tasks, files) == (0, 0)
    assert after.json()["accepted"] == 1
    assert len(published) > 12
    assert all(data.endswith(b"\n") and rows.find(data) >= 0 for data in published[:-1])
    assert node.accepted == sum(data.count(b"\n") for data in published)
    assert node.outstanding == 0


def test_a_form_to_log_in_that_is_cut_off_leaves_no_trace_in_the_log(log_file):
    """Nobody needs a token for it."""
    head = b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\ntoken="

    async def scenario():
        async with serving(token="s3cret") as server:
            await cut_off(port_of(server), head)
            await nobody_at_work(server)

    asyncio.run(scenario())

    assert log_file.read_text() == ""


def test_a_body_that_turns_into_no_http_is_a_problem_and_nothing_of_it_stays(caplog):
    """400 in the middle of an upload; the next one is taken, and nobody trips over the first."""
    node = Node()
    head = b"POST /weather/data HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\nzzz\r\n"

    async def scenario():
        async with serving(node) as server:
            received = await exchange(port_of(server), head)
            async with httpx.AsyncClient(base_url=server.url) as client:
                after = await client.post("/weather/data", content=LINE)
        return received, after

    received, after = asyncio.run(scenario())

    assert received.startswith(b"HTTP/1.1 400 ")
    assert b'"bad-request"' in received
    assert after.status_code == 202
    assert [order.data for order in node.asked] == [LINE.encode()]
    assert "Exception" not in caplog.text


def test_a_body_that_is_cut_off_publishes_nothing_of_its_last_line():
    """The client hangs up in the middle of a line: only whole bodies' last lines count."""
    node = Node()

    async def scenario():
        async with serving(node) as server:
            head = b"POST /weather/data HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n"
            await cut_off(port_of(server), head + LINE.encode()[:20])
            async with httpx.AsyncClient(base_url=server.url) as client:
                after = await client.post("/weather/data", content=LINE)
        return after

    assert asyncio.run(scenario()).status_code == 202
    assert [order.data for order in node.asked] == [LINE.encode()]


@pytest.mark.parametrize("sent", [b"", b"GET /alive HTTP/1.1\r\nHost: x\r\n"])
def test_a_request_whose_head_does_not_come_is_hung_up_on(monkeypatch, sent):
    """Before the first byte, and in the middle of the head."""
    monkeypatch.setattr(serve, "HEAD_TIMEOUT_S", 0.1)

    async def scenario():
        async with serving() as server:
            return await exchange(port_of(server), sent)

    assert asyncio.run(scenario()) == b""


def test_a_second_request_on_the_same_connection_is_watched_too(monkeypatch):
    """A complete request first does not buy time for ever."""
    monkeypatch.setattr(serve, "HEAD_TIMEOUT_S", 0.2)

    async def scenario():
        async with serving() as server:
            reader, writer = await asyncio.open_connection("127.0.0.1", port_of(server))
            writer.write(GET_ALIVE)
            await reader.readuntil(ALIVE)
            writer.write(b"GET /al")
            rest = await asyncio.wait_for(reader.read(), 5)
            writer.close()
        return rest

    assert asyncio.run(scenario()) == b""


def test_a_request_that_takes_longer_than_its_head_may_is_answered(monkeypatch):
    """The limit is on the head, not on the body or the answer."""
    monkeypatch.setattr(serve, "HEAD_TIMEOUT_S", 0.1)

    async def scenario():
        async with serving() as server:

            async def body():
                yield LINE.encode()
                await asyncio.sleep(0.3)
                yield LINE.encode()

            async with httpx.AsyncClient(base_url=server.url) as client:
                response = await client.post("/weather/data", content=body())
        return response

    assert asyncio.run(scenario()).json()["accepted"] == 2


def test_many_slow_senders_hold_up_nobody(monkeypatch):
    """Each is given up with 408 after a silence in its body; meanwhile others are answered."""
    monkeypatch.setattr(bodies, "STALL_S", 1.0)
    head = b"POST /weather/stations HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n7"

    async def scenario():
        async with serving() as server:
            slow = [asyncio.create_task(exchange(port_of(server), head + b"\r\n" * (n % 3))) for n in range(60)]
            async with httpx.AsyncClient(base_url=server.url) as client:
                meanwhile = [await client.get("/alive") for _ in range(20)]
                received = await asyncio.gather(*slow)
                after = await client.post("/weather/data", content=LINE)
        return meanwhile, received, after

    meanwhile, received, after = asyncio.run(scenario())

    assert {answer.status_code for answer in meanwhile} == {200}
    assert {answer.split()[1] for answer in received} == {b"408"}
    assert after.status_code == 202


@pytest.mark.parametrize("path", [b"/weather/data", b"/weather/stations", b"/login"])
def test_a_body_that_drips_is_given_up(monkeypatch, path):
    """408, though there never was a silence: a byte now and then keeps no place."""
    monkeypatch.setattr(bodies, "STALL_S", 0.5)
    head = b"POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\nConnection: close\r\n\r\n" % path

    async def scenario():
        async with serving(token=None if path != b"/login" else "s3cret") as server:
            reader, writer = await asyncio.open_connection("127.0.0.1", port_of(server))
            writer.write(head)
            answer = asyncio.create_task(reader.readuntil(b"\r\n\r\n"))
            for _ in range(100):
                writer.write(b"7")
                await asyncio.wait((answer,), timeout=0.1)
                if answer.done():
                    break
            writer.close()
            return answer.done() and answer.result()

    assert (asyncio.run(scenario()) or b"").startswith(b"HTTP/1.1 408 ")


def test_readers_who_never_read_are_hung_up_on(monkeypatch):
    """However much they ask for: no more than a buffer of it is made for each."""
    monkeypatch.setattr(serve, "STALL_S", 0.5)
    many = b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n" * 200

    async def scenario():
        async with serving() as server:
            await exchange(port_of(server), GET_ALIVE.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
            before = psutil.Process().memory_info().rss
            readers = [await asyncio.open_connection("127.0.0.1", port_of(server), limit=1_024) for _ in range(20)]
            for _, writer in readers:
                writer.write(many)
            await asyncio.sleep(0.3)
            grown = psutil.Process().memory_info().rss - before
            await nobody_at_work(server)
            for _, writer in readers:
                writer.close()
            return grown

    assert asyncio.run(scenario()) < MOST_GROWN


def test_a_client_that_never_ends_a_body_that_was_answered_is_hung_up_on(monkeypatch):
    """A byte now and then buys no time."""
    monkeypatch.setattr(serve, "STALL_S", 0.3)
    head = b"POST /weather/data HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\nContent-Length: 1000\r\n\r\n"

    async def scenario():
        async with serving() as server:
            reader, writer = await asyncio.open_connection("127.0.0.1", port_of(server))
            writer.write(head)
            received = await reader.readuntil(b"\r\n\r\n")
            ended = asyncio.create_task(nobody_at_work(server))
            while not ended.done():
                writer.write(b"x")
                await asyncio.wait((ended,), timeout=0.05)
            writer.close()
            await ended
            return received

    assert asyncio.run(scenario()).startswith(b"HTTP/1.1 415 ")


def test_a_client_too_many_is_told_so(monkeypatch):
    """503 with Retry-After as a problem; those before it are answered."""
    monkeypatch.setattr(serve, "MAX_CONNECTIONS", 1)

    async def scenario():
        async with serving() as server:
            first, writer = await asyncio.open_connection("127.0.0.1", port_of(server))
            writer.write(GET_ALIVE)
            await first.readuntil(ALIVE)
            received = await exchange(port_of(server), GET_ALIVE)
            writer.write(GET_ALIVE)
            again = await first.readuntil(ALIVE)
            writer.close()
        return received, again

    received, again = asyncio.run(scenario())

    assert received.startswith(b"HTTP/1.1 503 ")
    assert b"application/problem+json" in received
    assert again.startswith(b"HTTP/1.1 200 ")


def test_ten_thousand_wrong_tokens_cost_nothing_but_their_answers(node, log_file):
    """Each gets 401 and no line of the log, nothing is asked of an actor, and the right token works in between."""
    many, rounds = 100, 100
    wrong = b"GET /weather/stations HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer s3creT-%d\r\n\r\n"

    async def scenario():
        async with serving(node, token="s3cret") as server:
            right = {"Authorization": "Bearer s3cret"}
            async with httpx.AsyncClient(base_url=server.url, headers=right, timeout=60) as client:
                before, answers = psutil.Process().memory_info().rss, []
                reader, writer = await asyncio.open_connection("127.0.0.1", port_of(server))
                for start in range(rounds):
                    writer.write(b"".join(wrong % (start * many + number) for number in range(many)))
                    for _ in range(many):
                        head = await reader.readuntil(b"\r\n\r\n")
                        [length] = [
                            line.split()[1] for line in head.split(b"\r\n") if line.startswith(b"content-length")
                        ]
                        await reader.readexactly(int(length))
                        answers.append(head.split()[1])
                    if start % 10 == 0:
                        assert (await client.get("/openapi.json")).status_code == 200
                writer.close()
        return answers, psutil.Process().memory_info().rss - before

    answers, grown = asyncio.run(scenario())

    assert answers == [b"401"] * many * rounds
    assert node.asked == []
    assert grown < 20 << 20
    assert log_file.read_text() == ""


def test_a_token_is_compared_in_constant_time(monkeypatch):
    """By the function that is made for it, whole, however wrong it is."""
    compared = []
    real = access.hmac.compare_digest
    monkeypatch.setattr(access.hmac, "compare_digest", lambda a, b: compared.append((a, b)) or real(a, b))

    async def scenario():
        async with serving(token="s3cret") as server:
            for given in (b"Bearer s3creT", b"x", b"Bearer s3cret"):
                request = b"GET /ready HTTP/1.1\r\nHost: x\r\nAuthorization: " + given + b"\r\n\r\n"
                await head_of_answer(port_of(server), request)

    asyncio.run(scenario())

    assert [pair for pair in compared if pair[1] == b"Bearer s3cret"] == [
        (given, b"Bearer s3cret") for given in (b"Bearer s3creT", b"x", b"Bearer s3cret")
    ]


def test_strangers_cannot_fill_the_log(log_file, monkeypatch):
    """What is no HTTP, no known upgrade or no good token gets its answer and not a line."""
    monkeypatch.setattr(serve, "HEAD_TIMEOUT_S", 0.3)
    upgrade = GET_ALIVE.replace(b"\r\n\r\n", b"\r\nConnection: Upgrade, close\r\nUpgrade: h2c\r\n\r\n")

    async def scenario():
        async with serving(token="s3cret") as server:
            for sent in (*NO_HTTP.values(), *TOO_LARGE_HEADS.values(), upgrade, LARGE_HANDSHAKE):
                await exchange(port_of(server), sent)
            await head_of_answer(port_of(server), HANDSHAKE + b"\r\n")
            await head_of_answer(port_of(server), b"GET /status%0aERROR HTTP/1.1\r\nHost: x\r\n\r\n")

    asyncio.run(scenario())

    assert log_file.read_text() == ""


@pytest.mark.parametrize("path", [b"/_nicegui_ws/socket.io/", b"/weather/events", b"/nix", b"/alive/.."])
def test_no_web_socket_is_opened_without_the_cookie(path):
    """403 without a word, and with the cookie it is for the page alone."""
    handshake = HANDSHAKE.replace(b"/_nicegui_ws/socket.io/", path)

    async def scenario():
        async with serving(token="s3cret") as server, httpx.AsyncClient(base_url=server.url) as client:
            await client.post("/login", data={"token": "s3cret"})
            cookie = f"Cookie: killrweather_login={client.cookies['killrweather_login']}\r\n".encode()
            without = await exchange(port_of(server), handshake + b"\r\n")
            return without, await head_of_answer(port_of(server), handshake + cookie + b"\r\n")

    without, opened = asyncio.run(scenario())

    assert without.startswith(b"HTTP/1.1 403 ")
    assert without.endswith(b"\r\n\r\n")
    assert opened.startswith(b"HTTP/1.1 101 " if b"nicegui" in path else b"HTTP/1.1 403 ")


def test_an_upgrade_of_which_nothing_comes_keeps_no_connection(monkeypatch):
    """What reads web sockets has no patience that ends."""
    monkeypatch.setattr(serve, "HEAD_TIMEOUT_S", 0.3)

    async def scenario():
        async with serving() as server:
            await exchange(port_of(server), LARGE_HANDSHAKE, timeout_s=5)
            await nobody_at_work(server)

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "frame",
    [b"\x81\x85\0\0\0\0\xff\xfe\xfd\xfc\xfb", b"\xff\xff\xff\xff", b"\x81\x05hello", b"\x82\xff" + b"\x7f" * 12,
     b"\x81\x85\0\0\0\0[[[[["],
    ids=["no UTF-8", "noise", "no mask", "a frame of all there is", "nonsense"],
)  # fmt: skip
def test_noise_on_a_web_socket_ends_it_and_nothing_else(frame):
    """The page's own library says the rest; neighbours are answered."""

    async def scenario():
        async with serving() as server:
            reader, writer = await asyncio.open_connection("127.0.0.1", port_of(server))
            writer.write(HANDSHAKE + b"\r\n")
            head = await reader.readuntil(b"\r\n\r\n")
            writer.write(frame)
            rest = bytearray()
            with contextlib.suppress(asyncio.TimeoutError, ConnectionError):
                while block := await asyncio.wait_for(reader.read(1 << 16), 3):
                    rest += block
            writer.close()
            return head, bytes(rest), await head_of_answer(port_of(server), GET_ALIVE)

    head, rest, after = asyncio.run(scenario())

    assert head.startswith(b"HTTP/1.1 101 ")
    assert not any(word in rest for word in (b"Traceback", b".py", b"site-packages"))
    assert after.startswith(b"HTTP/1.1 200 ")


def test_everything_at_once_keeps_no_good_neighbour_waiting(monkeypatch):
    """While all of them try, a program's questions and rows are answered, and afterwards nobody is left."""
    monkeypatch.setattr(bodies, "STALL_S", 2.0)
    monkeypatch.setattr(serve, "HEAD_TIMEOUT_S", 2.0)
    node = WholeNode()
    unreadable = [post_of(*body, b"Connection: close\r\n") for body in UNREADABLE.values()]
    silent = [GET_ALIVE[:-2], POST_DATA + b"Content-Length: 9999\r\nConnection: close\r\n\r\n" + LINE.encode()] * 20
    storm = [*NO_HTTP.values(), *TOO_LARGE_HEADS.values(), *unreadable, *silent]

    async def scenario():
        async with serving(node) as server:
            hostile = asyncio.gather(*(exchange(port_of(server), sent) for sent in storm))
            answers = []
            async with httpx.AsyncClient(base_url=server.url, timeout=20) as client:
                while not hostile.done():
                    answers.append((await client.get("/weather/stations")).status_code)
                    answers.append((await client.post("/weather/data", content=LINE)).status_code)
                    await asyncio.sleep(0.1)
            received = await hostile
            await nobody_at_work(server)
            return answers, received

    answers, received = asyncio.run(scenario())

    assert set(answers) == {200, 202}
    assert not [one for one in received if one.startswith(b"HTTP/1.1 5")]
