"""A port counts as Kafka or Cassandra only if it speaks the protocol."""

import socket
import struct
import threading
from contextlib import contextmanager

import pytest

from killrweather.processes import LOOPBACK, free_port
from killrweather.services.probe import cassandra_answers, kafka_answers

SUPPORTED = bytes([0x84, 0, 0, 0, 0x06, 0, 0, 0, 0])
CQL_ERROR = bytes([0x84, 0, 0, 0, 0x00, 0, 0, 0, 0])


def metadata(brokers):
    """The start of Kafka's answer with this many brokers."""
    return struct.pack(">iii", 100, 7, brokers)


@contextmanager
def answering(content):
    """A server that answers one request with these bytes and closes; its port."""
    with socket.create_server((LOOPBACK, 0)) as server:

        def serve():
            connection, _ = server.accept()
            with connection:
                connection.recv(1024)
                connection.sendall(content)

        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()[1]
        thread.join()


@pytest.mark.parametrize(
    ("content", "expected"), [(SUPPORTED, True), (CQL_ERROR, False), (SUPPORTED[:4], False), (b"HTTP/1.1 200", False)]
)
def test_cassandra_answers_only_with_supported(content, expected):
    """Another frame, half a frame or another protocol is no answer."""
    with answering(content) as port:
        assert cassandra_answers(LOOPBACK, port) is expected


@pytest.mark.parametrize(
    ("content", "expected"), [(metadata(1), True), (metadata(0), False), (b"", False), (b"HTTP/1.1 200", False)]
)
def test_kafka_answers_only_with_an_available_broker(content, expected):
    """A broker that isn't admitted yet, a closed door or another protocol is no answer."""
    with answering(content) as port:
        assert kafka_answers(LOOPBACK, port) is expected


@pytest.mark.parametrize("answers", [cassandra_answers, kafka_answers])
def test_a_closed_port_answers_nothing(answers):
    """Nobody there is no error."""
    assert answers(LOOPBACK, free_port()) is False
