"""What no honest client sends, as bytes, and a client that sends bytes as they are."""

import asyncio
import gzip
from contextlib import suppress

ALIVE = b'{"alive":true}'
GET_ALIVE = b"GET /alive HTTP/1.1\r\nHost: x\r\n\r\n"
POST_DATA = b"POST /weather/data HTTP/1.1\r\nHost: x\r\n"
CHUNKED = POST_DATA + b"Transfer-Encoding: chunked\r\n\r\n"
HANDSHAKE = (
    b"GET /_nicegui_ws/socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nUpgrade: websocket\r\n"
    b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)

LARGE_HANDSHAKE = HANDSHAKE + b"X: " + b"a" * 20_000 + b"\r\n\r\n"
"""More than what reads web sockets takes, which then says nothing: hung up on."""

NO_HTTP = {
    "nonsense": b"nonsense\r\n\r\n",
    "tls": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    "no host": b"GET / HTTP/1.1\r\n\r\n",
    "two hosts": b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
    "bytes in the path": b"GET /\xff HTTP/1.1\r\nHost: x\r\n\r\n",
    "NUL in a header": b"GET / HTTP/1.1\r\nHost: x\r\nX: a\0b\r\n\r\n",
    "CR in a header": b"GET / HTTP/1.1\r\nHost: x\r\nX: a\rb\r\n\r\n",
    "no version": b"GET /alive\r\n\r\n",
    "length is no number": POST_DATA + b"Content-Length: x\r\n\r\n",
    "negative length": POST_DATA + b"Content-Length: -5\r\n\r\nhello",
    "signed length": POST_DATA + b"Content-Length: +5\r\n\r\nhello",
    "endless length": POST_DATA + b"Content-Length: " + b"9" * 30 + b"\r\n\r\nhello",
    "two lengths": POST_DATA + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!" + GET_ALIVE,
    "a list of lengths": POST_DATA + b"Content-Length: 5, 6\r\n\r\nhello!" + GET_ALIVE,
    "length and chunked": POST_DATA + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + GET_ALIVE,
    "chunked and length": POST_DATA + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n" + GET_ALIVE,
    "chunked with a space": POST_DATA
    + b"Transfer-Encoding : chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n"
    + GET_ALIVE,
    "nearly chunked": POST_DATA + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + GET_ALIVE,
    "chunked twice": POST_DATA + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n0\r\n\r\n" + GET_ALIVE,
    "gzip and chunked": POST_DATA + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n" + GET_ALIVE,
    "a chunk that is longer than it says": CHUNKED + b"3\r\nhello\r\n0\r\n\r\n" + GET_ALIVE,
    "a chunk that is shorter than it says": CHUNKED + b"f\r\nhello\r\n0\r\n\r\n" + GET_ALIVE,
    "a chunk of all there is": CHUNKED + b"f" * 24 + b"\r\nhello\r\n",
    "a chunk of no number": CHUNKED + b"-5\r\nhello\r\n0\r\n\r\n" + GET_ALIVE,
    "a web socket by POST": HANDSHAKE.replace(b"GET ", b"POST ") + b"\r\n" + GET_ALIVE,
}
"""Answered by one 400, whatever comes after it on the connection."""

TOO_LARGE_HEADS = {
    "path": b"GET /" + b"a" * 40_000,
    "query": b"GET /weather/stations?search=" + b"a" * 40_000,
    "header": b"GET / HTTP/1.1\r\nX: " + b"a" * 40_000,
    "many headers": b"GET / HTTP/1.1\r\n" + b"".join(b"X-%d: 1\r\n" % n for n in range(4_000)),
    "cookies": b"GET / HTTP/1.1\r\n" + b"Cookie: a=b\r\n" * 4_000,
}
"""Answered by 431."""

_NESTED = b"[" * 100_000
_ROW = b'[{"wsid":"725030:14732","year":2008,"month":1,"day":1,"hour":0,"x":%s}]'
UNREADABLE = {
    "JSON nested deep": ("application/json", _NESTED),
    "JSON nested deep and closed": ("application/json", _NESTED + b"]" * 100_000),
    "JSON objects nested deep": ("application/json", b'[{"a":' * 100_000),
    "JSON nested in a row": ("application/json", _ROW % (b"[" * 20_000 + b"]" * 20_000)),
    "JSON of a number": ("application/json", b"9" * 100_000),
    "JSON number without end": ("application/json", b'[{"wsid":"725030:14732","year":' + b"9" * 10_000 + b"}]"),
    "JSON that ends early": ("application/json", b'[{"wsid":"7250'),
    "NULs": ("text/csv", bytes(100_000)),
    "UTF-16": ("text/csv; charset=utf-16", "725030:14732,2008,01,01,00,5.0\n".encode("utf-16")),
    "UTF-32": ("text/csv; charset=utf-32", "725030:14732,2008,01,01,00,5.0\n".encode("utf-32")),
    "surrogates": ("application/json", b'[{"wsid":"\\ud800"}]'),
    "gzip that is cut off": ("application/gzip", gzip.compress(bytes(100_000))[:60]),
    "gzip's head alone": ("application/gzip", gzip.compress(b"")[:5]),
    "gzip of noise": ("application/gzip", b"\x1f\x8b\x08\0\0\0\0\0\0\x03" + bytes(range(256)) * 8),
    "gzip in gzip": ("application/gzip", gzip.compress(gzip.compress(gzip.compress(b"725030:14732,2008\n")))),
    "zip's head alone": ("application/zip", b"PK\x03\x04" + bytes(60)),
    "empty": ("text/csv", b""),
}
"""Bodies of /weather/data, answered by 422."""


def post_of(media_type: str, body: bytes, more_headers: bytes = b"") -> bytes:
    """A request with a body."""
    head = f"Content-Type: {media_type}\r\nContent-Length: {len(body)}\r\n".encode()
    return POST_DATA + head + more_headers + b"\r\n" + body


async def exchange(port: int, data: bytes, timeout_s: float = 20.0) -> bytes:
    """Send bytes as they are; what comes back until the server hangs up."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    received = bytearray()
    try:
        writer.write(data)
        with suppress(ConnectionError):
            while block := await asyncio.wait_for(reader.read(1 << 16), timeout_s):
                received += block
        return bytes(received)
    finally:
        writer.close()


async def head_of_answer(port: int, data: bytes) -> bytes:
    """Send bytes as they are; the status line and headers of what comes back."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(data)
        return await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
    finally:
        writer.close()


async def cut_off(port: int, data: bytes) -> None:
    """Send bytes and hang up."""
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(data)
    await writer.drain()
    writer.close()
