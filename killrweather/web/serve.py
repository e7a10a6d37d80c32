"""The HTTP server of a node: uvicorn without its signals, and with limits for slow and oversized requests."""

import asyncio
import contextlib
import errno
import resource
import socket
import ssl
import sys
from collections.abc import Iterator
from http import HTTPStatus

import h11
import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from killrweather.errors import ConfigurationError, ServiceError
from killrweather.settings import Http, Settings
from killrweather.web.problems import problem

HEAD_TIMEOUT_S = 10.0
"""s in which the head of a request has to be there; uvicorn itself would wait for ever."""

STALL_S = 30.0
"""s in which a client takes nothing of its answer, after which it is hung up on; uvicorn would hold it for ever."""

KEEP_ALIVE_S = 30
MAX_HEAD_BYTES = 32_768
MAX_CONNECTIONS = 5_000
"""Streams of events are 2 × 2,000 of them at most; a request on one more gets 503."""
MAX_WEB_SOCKET_BYTES = 1_048_576
"""Of a message from a page; what people do there is some hundred bytes."""
BACKLOG = 512


class Server:
    """Serves an application at ``http.host`` and ``http.port`` in the running event loop."""

    def __init__(self, app: ASGIApp, settings: Settings):
        self._http = settings.http
        self._config = uvicorn.Config(
            _one_length(app),
            http=_GuardedProtocol,
            loop="none",
            ws="websockets-sansio",
            ws_max_size=MAX_WEB_SOCKET_BYTES,
            ws_per_message_deflate=False,
            interface="asgi3",
            lifespan="on",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=KEEP_ALIVE_S,
            h11_max_incomplete_event_size=MAX_HEAD_BYTES,
            backlog=BACKLOG,
        )
        self._server = _Quiet(self._config)
        self._task: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        """Where the application answers."""
        host = f"[{self._http.host}]" if ":" in self._http.host else self._http.host
        return f"{'https' if self._http.tls.certificate else 'http'}://{host}:{self._http.port}"

    async def start(self) -> None:
        """Bind and listen. Raises ServiceError when the port is taken, ConfigurationError for bad TLS files."""
        _allow_open_files(2 * MAX_CONNECTIONS)
        self._config.load()
        self._config.ssl = _tls(self._http)
        listener = _bind(self._http)
        self._task = asyncio.create_task(self._server.serve(sockets=[listener]))
        while not self._server.started:
            if self._task.done():
                await self._task
            await asyncio.sleep(0.001)

    async def stop(self, timeout_s: float = 10.0) -> None:
        """Close the door at once, let running requests finish for at most ``timeout_s``, then end them."""
        if self._task is None:
            return
        self._config.timeout_graceful_shutdown = max(1, round(timeout_s))
        self._server.should_exit = True
        await self._task
        self._task = None


class _Quiet(uvicorn.Server):
    """uvicorn that leaves the process's signals alone: the node's host decides what a signal means."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class _GuardedProtocol(H11Protocol):
    """HTTP/1.1 that hangs up on a client which does not finish the head of its request, or take its answer, in time.

    What uvicorn itself would answer in plain text is a problem document, too.
    """

    _head_timer: asyncio.TimerHandle | None = None
    _stall_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > MAX_CONNECTIONS:
            self.app = _full
        self._watch_head()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget_head()
        self._forget_stall()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._stall_timer = self.loop.call_later(STALL_S, self.transport.abort)

    def resume_writing(self) -> None:
        self._forget_stall()
        super().resume_writing()

    def on_response_complete(self) -> None:
        """Let a client whose body was answered before its end, as with 413, send on for a while; then hang up."""
        if self.conn.their_state is h11.SEND_BODY:
            self.loop.call_later(STALL_S, self._hang_up_after_answer)
        super().on_response_complete()

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        """Hand the connection over, and hang up when no web socket comes of it: what takes over has no such limit."""
        if event.method != b"GET":
            return self.send_400_response("expected GET for a web socket")
        super().handle_websocket_upgrade(event)
        self.loop.call_later(HEAD_TIMEOUT_S, _hang_up_unless_open, self.transport)

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP; called while the error that says why is handled."""
        error = sys.exc_info()[1]
        status = getattr(error, "error_status_hint", 400)
        if self.cycle is not None:
            self.cycle.disconnected = True  # what is at work on the body has no answer to give any more
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            self._answer(status, str(error or msg))
        self.transport.close()

    def _answer(self, status: int, why: str) -> None:
        if status == 431:
            answer = problem(431, "head-too-large", f"the head of a request may have {MAX_HEAD_BYTES:,} bytes")
        else:
            answer = problem(400, "bad-request", f"this is no HTTP/1.1: {why[:200]}")
        headers = [*answer.raw_headers, (b"connection", b"close")]
        reason = HTTPStatus(answer.status_code).phrase.encode()
        for event in (
            h11.Response(status_code=answer.status_code, headers=headers, reason=reason),
            h11.Data(data=bytes(answer.body)),
            h11.EndOfMessage(),
        ):
            self.transport.write(self.conn.send(event) or b"")

    def _watch_head(self) -> None:
        if self.conn.their_state is not h11.IDLE:
            self._forget_head()
        elif self._head_timer is None:
            self._head_timer = self.loop.call_later(HEAD_TIMEOUT_S, self._hang_up)

    def _forget_head(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _forget_stall(self) -> None:
        if self._stall_timer is not None:
            self._stall_timer.cancel()
            self._stall_timer = None

    def _hang_up_after_answer(self) -> None:
        if self.conn.our_state is h11.DONE and self.conn.their_state is h11.SEND_BODY:
            self.transport.close()

    def _hang_up(self) -> None:
        if self.conn.their_state is h11.IDLE:
            self.transport.close()


def _hang_up_unless_open(transport: asyncio.Transport) -> None:
    protocol = transport.get_protocol()
    if not (isinstance(protocol, WebSocketsSansIOProtocol) and protocol.handshake_complete):
        transport.abort()


def _one_length(app: ASGIApp) -> ASGIApp:
    """Refuse a request that says its length in two ways: a proxy may go by the other one, and see two requests."""

    async def checked(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and {b"content-length", b"transfer-encoding"} <= dict(scope["headers"]).keys():
            text = "Content-Length and Transfer-Encoding: expected one of them"
            return await problem(400, "bad-request", text, {"Connection": "close"})(scope, receive, send)
        await app(scope, receive, send)

    return checked


async def _full(scope: Scope, receive: Receive, send: Send) -> None:
    text = f"{MAX_CONNECTIONS:,} clients are connected, as many as there may be; try again later"
    await problem(503, "unavailable", text, {"Retry-After": "1", "Connection": "close"})(scope, receive, send)


def _allow_open_files(number: int) -> None:
    """Raise this process's own limit so far, or as far as it may: many systems begin at 1,024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < number:
        allowed = number if hard == resource.RLIM_INFINITY else min(number, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))


def _bind(http: Http) -> socket.socket:
    family = socket.AF_INET6 if ":" in http.host else socket.AF_INET
    try:
        listener = socket.create_server((http.host, http.port), family=family, backlog=BACKLOG)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            text = "another program listens there; end it, or set http.port (--http-port) to a free port"
        elif error.errno == errno.EACCES:
            text = "this user may not listen there; set http.port to 1024 or more"
        else:
            text = f"{error.strerror or error}; set http.host to an address of this machine"
        raise ServiceError(f"http.port {http.port} on http.host {http.host}: {text}") from None
    listener.setblocking(False)
    # asyncio sets this only on sockets that name their protocol, which create_server's do not. Without it an answer's
    # head and body are two packets with a delayed acknowledgement between them: 44 ms instead of 0.5.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def _tls(http: Http) -> ssl.SSLContext | None:
    if http.tls.certificate is None or http.tls.key is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(http.tls.certificate, http.tls.key)
    except (OSError, ssl.SSLError) as error:
        text = f"{error.strerror or error}; expected a PEM certificate chain and its key, readable"
        raise ConfigurationError(f"http.tls {http.tls.certificate}, {http.tls.key}: {text}") from None
    return context
