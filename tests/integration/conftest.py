"""What the tests with real services share."""

import pytest
from stream_stage import service_settings

from killrweather.home import Home
from killrweather.services import Embedded


@pytest.fixture(scope="session")
def services(tmp_path_factory):
    """Kafka and Cassandra, started once for all streams: each has a topic, a group and a keyspace of its own."""
    embedded = Embedded(service_settings(), Home(tmp_path_factory.mktemp("services")))
    embedded.start()
    yield embedded
    embedded.stop()
