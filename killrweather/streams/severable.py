"""A producer of aiokafka that can be left so that nothing of it is sent later."""

import asyncio
import socket
import struct
from contextlib import suppress
from typing import Any
from weakref import WeakSet

from aiokafka import AIOKafkaProducer
from aiokafka.conn import AIOKafkaConnection

_LINGER_0 = struct.pack("ii", 1, 0)


class SeverableProducer(AIOKafkaProducer):
    """Sends nothing more once it is severed: what is not in a broker by then never comes there.

    The library has no such thing. An idempotent batch never expires in it, its ``stop`` waits for all of them, and a
    connection that it closes first sends what is in its buffers, as the kernel does, for a quarter of an hour. So this
    class knows each connection where the library gets it, and no close, not even by the end of the process, sends more.
    """

    def __init__(self, **options: Any):
        super().__init__(**options)
        self._is_severed = False
        self._transports: WeakSet[asyncio.Transport] = WeakSet()
        self._connected_to = self.client._get_conn
        self.client._get_conn = self._severably_connected_to

    def sever(self) -> None:
        """Drop what is in memory and in the kernel, at once; ``stop`` then frees the rest."""
        self._is_severed = True
        for transport in self._transports:
            transport.abort()

    async def stop(self) -> None:
        """Sever it, and close it; what was not acknowledged by then stays without an answer."""
        self.sever()
        self._closed = True
        try:
            await self._sender.close()
        finally:
            await self.client.close()

    async def _severably_connected_to(self, *where: Any, **options: Any) -> AIOKafkaConnection | None:
        connection = None if self._is_severed else await self._connected_to(*where, **options)
        if connection is None or connection._writer is None:
            return connection
        transport = connection._writer.transport
        if transport not in self._transports:
            self._transports.add(transport)
            with suppress(OSError):  # it is broken already
                transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_0)
        if self._is_severed:
            transport.abort()
            return None
        return connection
