"""Whether a port really answers as Kafka or as Cassandra: one small request in each one's own protocol."""

import socket
import struct

_TIMEOUT_S = 2.0
_CQL_OPTIONS = bytes([0x04, 0x00, 0x00, 0x00, 0x05]) + struct.pack(">i", 0)
_CQL_HEADER_BYTES = 9
_CQL_SUPPORTED = 0x06
_KAFKA_METADATA, _KAFKA_VERSION, _KAFKA_CORRELATION = 3, 1, 7


def cassandra_answers(host: str, port: int) -> bool:
    """Whether the native protocol answers an OPTIONS frame; it does before any log-in."""
    try:
        with socket.create_connection((host, port), _TIMEOUT_S) as connection:
            connection.sendall(_CQL_OPTIONS)
            header = _receive(connection, _CQL_HEADER_BYTES)
    except OSError:
        return False
    return len(header) == _CQL_HEADER_BYTES and header[4] == _CQL_SUPPORTED


def kafka_brokers(host: str, port: int) -> int:
    """How many brokers a plaintext broker counts as available, itself among them; 0 if it gives no metadata."""
    client = b"killrweather"
    no_topics = struct.pack(">i", 0)
    header = struct.pack(">hhih", _KAFKA_METADATA, _KAFKA_VERSION, _KAFKA_CORRELATION, len(client))
    request = header + client + no_topics
    try:
        with socket.create_connection((host, port), _TIMEOUT_S) as connection:
            connection.sendall(struct.pack(">i", len(request)) + request)
            start = _receive(connection, 12)
    except OSError:
        return 0
    if len(start) < 12:
        return 0
    _, correlation, brokers = struct.unpack(">iii", start)
    return int(brokers) if correlation == _KAFKA_CORRELATION else 0


def kafka_answers(host: str, port: int) -> bool:
    """Whether a plaintext broker answers a metadata request and counts at least one broker as available."""
    return kafka_brokers(host, port) >= 1


def _receive(connection: socket.socket, count: int) -> bytes:
    """This many bytes, or fewer if the other side closes."""
    received = b""
    while len(received) < count:
        piece = connection.recv(count - len(received))
        if not piece:
            break
        received += piece
    return received
