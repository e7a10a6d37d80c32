"""The server: binding, TLS and stopping, over real sockets on loopback."""

import asyncio
import datetime
import ipaddress
import signal
import socket
import ssl

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from server_stage import a_server, port_of, serving
from web_stage import LINE, Node

from killrweather.errors import ConfigurationError, ServiceError


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
