"""The body of a request, block by block: counted, and given up when it is too large or stalls."""

import asyncio
import time
from collections.abc import AsyncIterator

from fastapi import Request
from starlette.requests import ClientDisconnect

from killrweather.web.problems import HttpProblem

STALL_S = 30.0
"""s without a byte after which a body is given up, so that a stalled client does not keep its place."""

MIN_BYTES_PER_S = 500
"""A body that comes more slowly, after its first STALL_S, is given up too: a byte now and then keeps no place."""

_BLOCK_BYTES = 262_144


def check_length(request: Request, max_bytes: int) -> None:
    """Raise 413 when the request itself says that its body is too large."""
    length = request.headers.get("content-length", "")
    if length.isdigit() and int(length) > max_bytes:
        raise _too_large(f"{int(length):,} bytes", max_bytes)


def has_body(request: Request) -> bool:
    """The request brings a body, or may bring one."""
    return request.headers.get("content-length", "0") != "0" or "transfer-encoding" in request.headers


async def blocks_of(request: Request, max_bytes: int) -> AsyncIterator[bytes]:
    """The body in blocks of some size; raises 413, 408, or 400 when the client hangs up before the end."""
    arrived = aiter(request.stream())
    held: list[bytes] = []
    size = total = 0
    waited_s = 0.0  # for the sender alone: it cannot help the time that this node takes
    while True:
        asked = time.monotonic()
        part = await _next(arrived, _patience_s(total, waited_s))
        waited_s += time.monotonic() - asked
        if part is None:
            break
        total += len(part)
        if total > max_bytes:
            raise _too_large(f"more than {max_bytes:,} bytes", max_bytes)
        held.append(part)
        size += len(part)
        if size >= _BLOCK_BYTES:
            yield b"".join(held)
            held, size = [], 0
    if size:
        yield b"".join(held)


def _patience_s(total: int, seconds: float) -> float:
    """How long to wait for more of a body of which so many bytes have come in so many seconds."""
    return min(STALL_S, STALL_S + total / MIN_BYTES_PER_S - seconds)


async def _next(arrived: AsyncIterator[bytes], timeout_s: float) -> bytes | None:
    try:
        return await asyncio.wait_for(anext(arrived, None), timeout_s)
    except asyncio.TimeoutError:
        text = f"the body stalled for {STALL_S:g} s, or came with less than {MIN_BYTES_PER_S:,} bytes/s, send it again"
        raise HttpProblem(408, "body-too-slow", text, {"Connection": "close"}) from None
    except ClientDisconnect:
        raise HttpProblem(400, "body-cut-off", "the connection ended before the body did, send it again") from None


def _too_large(size: str, max_bytes: int) -> HttpProblem:
    return HttpProblem(
        413, "body-too-large", f"the body has {size}, http.max_body_bytes allows {max_bytes:,}: send it in parts"
    )
