"""What the tests with real services share."""

import pytest
from stream_stage import service_settings

from killrweather.home import Home
from killrweather.services import Embedded


@pytest.fixture(scope="module")
def services(tmp_path_factory):
    """Kafka and Cassandra, started once for all streams of a file: each has a topic, a group and a keyspace of its own.

    They do not outlive their file: whoever owns services takes up all processes that have lost their parent.
    """
    embedded = Embedded(service_settings(), Home(tmp_path_factory.mktemp("services")))
    embedded.start()
    yield embedded
    embedded.stop()
