"""The server: binding, TLS, slow clients and stopping, over real sockets on loopback."""

import asyncio
import contextlib
import datetime
import ipaddress
import json
import signal
import socket
import ssl

import httpx
import psutil
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from server_stage import ALIVE, GET_ALIVE, a_server, cut_off, exchange, port_of, serving
from web_stage import LINE, Node

from killrweather.errors import ConfigurationError, ServiceError
from killrweather.web import bodies, serve


@pytest.fixture
def certificate(tmp_path):
    """A self-signed certificate for 127.0.0.1, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.timezone.utc)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .sign(key, hashes.SHA256())
    )
    files = tmp_path / "certificate.pem", tmp_path / "key.pem"
    files[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    files[1].write_bytes(key.private_bytes(encoding, form, serialization.NoEncryption()))
    return files


def test_it_serves_at_its_url_until_stopped():
    """After stop the port is free."""

    async def scenario():
        async with serving() as server, httpx.AsyncClient(base_url=server.url) as client:
            return port_of(server), await client.post("/weather/data", content=LINE)

    port, posted = asyncio.run(scenario())

    assert posted.status_code == 202
    socket.create_server(("127.0.0.1", port)).close()


def test_a_port_in_use_is_named():
    """ServiceError with the setting and what to do."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(ServiceError, match=rf"http\.port {port} .*another program"):
            asyncio.run(a_server(port=port).start())


def test_an_address_of_another_machine_is_named():
    """ServiceError with http.host."""
    with pytest.raises(ServiceError, match=r"http\.host 192\.0\.2\.1"):
        asyncio.run(a_server(host="192.0.2.1", token="t").start())


def test_the_process_keeps_its_own_signal_handlers():
    """uvicorn's are not installed, though the loop runs in the main thread."""

    async def scenario():
        async with serving():
            return signal.getsignal(signal.SIGTERM)

    assert asyncio.run(scenario()) is signal.getsignal(signal.SIGTERM)


def test_stopping_closes_the_door_first_and_lets_a_running_request_finish():
    """A new connection is refused while the old request still gets its answer."""
    node, refused = Node(), []

    async def scenario():
        server = a_server(node)
        entered, leave = asyncio.Event(), asyncio.Event()
        publish = node._publish

        async def slow(order):
            entered.set()
            await leave.wait()
            return await publish(order)

        node._publish = slow
        await server.start()
        async with httpx.AsyncClient(base_url=server.url) as client:
            request = asyncio.create_task(client.post("/weather/data", content=LINE))
            await entered.wait()
            stopping = asyncio.create_task(server.stop())
            await asyncio.sleep(0.3)
            try:
                await asyncio.open_connection("127.0.0.1", port_of(server))
            except ConnectionRefusedError:
                refused.append(True)
            leave.set()
            response = await request
        await stopping
        return response

    assert asyncio.run(scenario()).status_code == 202
    assert refused


def test_stopping_is_bounded():
    """A request that never ends is ended."""
    node = Node()

    async def scenario():
        server = a_server(node)
        entered = asyncio.Event()

        async def never(order):
            entered.set()
            await asyncio.Event().wait()

        node._publish = never
        await server.start()
        async with httpx.AsyncClient(base_url=server.url) as client:
            request = asyncio.create_task(client.post("/weather/data", content=LINE))
            await entered.wait()
            await asyncio.wait_for(server.stop(timeout_s=1), 4)
            request.cancel()

    asyncio.run(scenario())


def test_a_server_that_never_started_can_be_stopped():
    """Nothing happens."""
    asyncio.run(a_server().stop())


@pytest.mark.parametrize("sent", [b"", b"GET /alive HTTP/1.1\r\nHost: x\r\n"])
def test_a_request_whose_head_does_not_come_is_hung_up_on(monkeypatch, sent):
    """Before the first byte, and in the middle of the head."""
    monkeypatch.setattr(serve, "HEAD_TIMEOUT_S", 0.1)

    async def scenario():
        async with serving() as server:
            return await exchange(server, sent)

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


@pytest.mark.parametrize(
    ("sent", "status", "kind"),
    [
        (b"GET / HTTP/1.1\r\nX: " + b"a" * 40_000, 431, "head-too-large"),
        (b"GET /" + b"a" * 40_000, 431, "head-too-large"),
        (b"GET / HTTP/1.1\r\n" + b"".join(b"X-%d: 1\r\n" % n for n in range(4_000)), 431, "head-too-large"),
        (b"nonsense\r\n\r\n", 400, "bad-request"),
        (b"GET / HTTP/1.1\r\n\r\n", 400, "bad-request"),
        (b"GET /\xff HTTP/1.1\r\nHost: x\r\n\r\n", 400, "bad-request"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n", 400, "bad-request"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400, "bad-request"),
    ],
    ids=["header", "path", "many headers", "nonsense", "no host", "bytes", "length", "tls"],
)
def test_a_head_that_is_too_large_or_no_http_is_a_problem(sent, status, kind):
    """With its own type, and the connection is closed."""

    async def scenario():
        async with serving() as server:
            return await exchange(server, sent)

    head, _, body = asyncio.run(scenario()).partition(b"\r\n\r\n")

    assert head.startswith(b"HTTP/1.1 %d " % status)
    assert b"application/problem+json" in head
    assert json.loads(body)["type"] == kind


def test_a_body_that_turns_into_no_http_is_a_problem_and_nothing_of_it_stays(caplog):
    """400 in the middle of an upload; the next one is taken, and nobody trips over the first."""
    node = Node()
    head = b"POST /weather/data HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\nzzz\r\n"

    async def scenario():
        async with serving(node) as server:
            received = await exchange(server, head)
            async with httpx.AsyncClient(base_url=server.url) as client:
                after = await client.post("/weather/data", content=LINE)
        return received, after

    received, after = asyncio.run(scenario())

    assert received.startswith(b"HTTP/1.1 400 ")
    assert b'"bad-request"' in received
    assert after.status_code == 202
    assert [order.data for order in node.asked] == [LINE.encode()]
    assert "Exception" not in caplog.text


def test_a_client_that_never_ends_a_body_that_was_answered_is_hung_up_on(monkeypatch):
    """A byte now and then buys no time."""
    monkeypatch.setattr(serve, "STALL_S", 0.3)
    head = b"POST /weather/data HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\nContent-Length: 1000\r\n\r\n"

    async def scenario():
        async with serving() as server:
            reader, writer = await asyncio.open_connection("127.0.0.1", port_of(server))
            writer.write(head)
            received = b""
            with contextlib.suppress(ConnectionError):
                for _ in range(100):
                    writer.write(b"x")
                    await asyncio.sleep(0.05)
                    received += await asyncio.wait_for(reader.read(1 << 16), 0.05) if not received else b""
                    if reader.at_eof():
                        break
            ended = reader.at_eof() or writer.is_closing()
            writer.close()
        return received, ended

    received, ended = asyncio.run(scenario())

    assert received.startswith(b"HTTP/1.1 415 ")
    assert ended


def test_many_slow_senders_hold_up_nobody(monkeypatch):
    """Each is given up with 408 after a silence in its body; meanwhile others are answered."""
    monkeypatch.setattr(bodies, "STALL_S", 1.0)
    head = b"POST /weather/stations HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n7"

    async def scenario():
        async with serving() as server:
            slow = [asyncio.create_task(exchange(server, head + b"\r\n" * (n % 3))) for n in range(60)]
            async with httpx.AsyncClient(base_url=server.url) as client:
                meanwhile = [await client.get("/alive") for _ in range(20)]
                received = await asyncio.gather(*slow)
                after = await client.post("/weather/data", content=LINE)
        return meanwhile, received, after

    meanwhile, received, after = asyncio.run(scenario())

    assert {answer.status_code for answer in meanwhile} == {200}
    assert {answer.split()[1] for answer in received} == {b"408"}
    assert after.status_code == 202


def test_a_client_too_many_is_told_so(monkeypatch):
    """503 with Retry-After as a problem; those before it are answered."""
    monkeypatch.setattr(serve, "MAX_CONNECTIONS", 1)

    async def scenario():
        async with serving() as server:
            first, writer = await asyncio.open_connection("127.0.0.1", port_of(server))
            writer.write(GET_ALIVE)
            await first.readuntil(ALIVE)
            received = await exchange(server, GET_ALIVE)
            writer.write(GET_ALIVE)
            again = await first.readuntil(ALIVE)
            writer.close()
        return received, again

    received, again = asyncio.run(scenario())

    assert received.startswith(b"HTTP/1.1 503 ")
    assert b"application/problem+json" in received
    assert again.startswith(b"HTTP/1.1 200 ")


def test_a_body_that_is_cut_off_publishes_nothing_of_its_last_line():
    """The client hangs up in the middle of a line: only whole bodies' last lines count."""
    node = Node()

    async def scenario():
        async with serving(node) as server:
            head = b"POST /weather/data HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n"
            await cut_off(server, head + LINE.encode()[:20])
            async with httpx.AsyncClient(base_url=server.url) as client:
                after = await client.post("/weather/data", content=LINE)
        return after

    assert asyncio.run(scenario()).status_code == 202
    assert [order.data for order in node.asked] == [LINE.encode()]


def test_tls_is_served_when_it_is_configured(certificate):
    """The url says https."""

    async def scenario():
        async with serving(tls={"certificate": certificate[0], "key": certificate[1]}) as server:
            trusted = ssl.create_default_context(cafile=str(certificate[0]))
            async with httpx.AsyncClient(base_url=server.url, verify=trusted) as client:
                response = await client.get("/alive")
        return response

    response = asyncio.run(scenario())

    assert response.url.scheme == "https"
    assert response.status_code == 200


def test_bad_tls_files_are_named(tmp_path, certificate):
    """ConfigurationError with the file."""
    with pytest.raises(ConfigurationError, match=r"missing\.pem"):
        asyncio.run(a_server(tls={"certificate": certificate[0], "key": tmp_path / "missing.pem"}).start())


def test_an_answer_does_not_wait_for_acknowledgements():
    """Connections have TCP_NODELAY: without it each answer on a kept connection takes some 40 ms."""

    async def scenario():
        async with serving() as server, httpx.AsyncClient(base_url=server.url) as client:
            await client.get("/alive")
            (connection,) = server._server.server_state.connections
            return connection.transport.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)

    assert asyncio.run(scenario())


def test_two_servers_in_one_process_do_not_disturb_each_other():
    """Each has its own port."""

    async def scenario():
        async with serving() as first, serving() as second, httpx.AsyncClient() as client:
            return [await client.get(f"{server.url}/alive") for server in (first, second)]

    assert [answer.status_code for answer in asyncio.run(scenario())] == [200, 200]


def test_ten_thousand_wrong_tokens_cost_nothing_but_their_answers():
    """Each gets 401, nothing is asked of an actor, memory stays, and the right token works in between."""
    node, many, rounds = Node(), 100, 100
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
                    assert (await client.get("/openapi.json")).status_code == 200
                writer.close()
        return answers, psutil.Process().memory_info().rss - before

    answers, grown = asyncio.run(scenario())

    assert answers == [b"401"] * many * rounds
    assert node.asked == []
    assert grown < 20 << 20
