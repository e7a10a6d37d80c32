"""Kafka on stage: a broker on a real socket that aiokafka takes for any other, and a stand-in for aiokafka itself."""

import asyncio
import socket
import struct
from io import BytesIO
from types import SimpleNamespace

from aiokafka.errors import LeaderNotAvailableError, OutOfOrderSequenceNumber
from aiokafka.protocol.admin import ApiVersionRequest_v0, ApiVersionResponse_v0
from aiokafka.protocol.api import RequestHeader_v1, ResponseHeader_v0
from aiokafka.protocol.metadata import MetadataRequest_v1, MetadataResponse_v1
from aiokafka.protocol.produce import ProduceRequest_v3, ProduceResponse_v3
from aiokafka.protocol.transaction import InitProducerIdRequest_v0, InitProducerIdResponse_v0
from aiokafka.record import MemoryRecords

TOPIC = "raw"
_REQUESTS = {kind.API_KEY: kind for kind in
             (ApiVersionRequest_v0, MetadataRequest_v1, InitProducerIdRequest_v0, ProduceRequest_v3)}  # fmt: skip


class Broker:
    """One topic with one partition. It takes what is published.

    While it is cut off it reads nothing, and its kernel takes some kB at most.
    """

    def __init__(self):
        self.log: list[bytes] = []
        self._connections: set[_Connection] = set()
        self._is_cut = False
        self._producers = 0

    async def __aenter__(self) -> "Broker":
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        listener.bind(("127.0.0.1", 0))
        self.port = listener.getsockname()[1]
        self._server = await asyncio.get_running_loop().create_server(lambda: _Connection(self), sock=listener)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for connection in self._connections:
            connection.transport.abort()

    def cut(self) -> None:
        """Nothing is read any more, of old connections and new ones."""
        self._is_cut = True
        for connection in self._connections:
            connection.transport.pause_reading()

    def heal(self) -> None:
        """Read all that the kernels have for it."""
        self._is_cut = False
        for connection in self._connections:
            connection.transport.resume_reading()

    @property
    def connections(self) -> int:
        """How many are open."""
        return len(self._connections)

    def opened(self, connection: "_Connection") -> None:
        self._connections.add(connection)
        if self._is_cut:
            connection.transport.pause_reading()

    def closed(self, connection: "_Connection") -> None:
        self._connections.discard(connection)

    def answer(self, request):
        """What a broker says to this."""
        match request:
            case ApiVersionRequest_v0():
                return ApiVersionResponse_v0(0, [(key, kind.API_VERSION, kind.API_VERSION)
                                                 for key, kind in _REQUESTS.items()])  # fmt: skip
            case MetadataRequest_v1():
                topic = (0, TOPIC, False, [(0, 0, 1, [1], [1])])
                return MetadataResponse_v1([(1, "127.0.0.1", self.port, None)], 1, [topic])
            case InitProducerIdRequest_v0():
                self._producers += 1
                return InitProducerIdResponse_v0(0, 0, self._producers, 0)
            case ProduceRequest_v3():
                offset = len(self.log)
                for batch in _batches(request.topics[0][1][0][1]):
                    self.log += [record.value for record in batch]
                return ProduceResponse_v3([(TOPIC, [(0, 0, offset, -1)])], 0)


class _Connection(asyncio.Protocol):
    def __init__(self, broker: Broker):
        self._broker, self._buffer = broker, b""

    def connection_made(self, transport):
        self.transport = transport
        self._broker.opened(self)

    def connection_lost(self, error):
        self._broker.closed(self)

    def data_received(self, data):
        self._buffer += data
        while len(self._buffer) >= 4 and len(self._buffer) >= 4 + (size := struct.unpack(">i", self._buffer[:4])[0]):
            frame, self._buffer = BytesIO(self._buffer[4 : 4 + size]), self._buffer[4 + size :]
            key, _, correlation_id, _ = (field.decode(frame) for field in RequestHeader_v1.SCHEMA.fields)
            answer = self._broker.answer(_REQUESTS[key].decode(frame)).encode()
            message = ResponseHeader_v0(correlation_id).encode() + answer
            self.transport.write(struct.pack(">i", len(message)) + message)


def _batches(records: bytes):
    stored = MemoryRecords(records)
    while stored.has_next():
        yield stored.next_batch()


class Batch:
    """Counts its records."""

    def __init__(self):
        self.count = 0

    def append(self, **_):
        self.count += 1
        return object()

    def record_count(self):
        return self.count

    def close(self):
        """Nothing more is added."""


class Library:
    """Stands in for aiokafka: while there is no leader a batch fails, and whatever follows it is out of order."""

    made: list["Library"]
    has_leader = True
    is_reachable = True

    def __init__(self, **_):
        self.has_gap, self.is_severed, self.is_stopped = False, False, False
        self.made.append(self)

    async def start(self):
        if not self.is_reachable:
            raise LeaderNotAvailableError

    def sever(self):
        self.is_severed = True

    async def stop(self):
        self.is_stopped = True

    async def partitions_for(self, topic):
        return {0}

    def _partition(self, *_):
        return 0

    def create_batch(self):
        return Batch()

    async def send_batch(self, batch, topic, partition):
        future = asyncio.get_running_loop().create_future()
        if not self.has_leader:
            self.has_gap = True
            future.set_exception(LeaderNotAvailableError())
        elif self.has_gap:
            future.set_exception(OutOfOrderSequenceNumber())
        else:
            future.set_result(SimpleNamespace(partition=partition, offset=0, timestamp=1_000))
        return future
