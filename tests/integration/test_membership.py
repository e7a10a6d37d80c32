"""A node's membership, held to what a real broker says."""

import asyncio

import pytest
from stream_stage import service_settings

from killrweather.actorsystem.membership import Membership
from killrweather.errors import ConfigurationError
from killrweather.home import Home
from killrweather.messages.cluster import Member
from killrweather.services import Embedded
from killrweather.settings import Settings


@pytest.fixture
def kafka(tmp_path):
    """A broker that allows every session time-out between one second and half an hour."""
    given = service_settings().model_dump()
    embedded = Embedded(
        Settings.model_validate({**given, "cassandra": {"contact_points": ["127.0.0.1"]}}), Home(tmp_path)
    )
    embedded.start()
    yield given
    embedded.stop()


def test_a_session_time_out_that_the_broker_does_not_allow_is_a_wrong_setting(kafka):
    """Not a Kafka that does not answer: the node would wait for it for ever."""
    settings = Settings.model_validate({**kafka, "node": {"session_timeout_s": 3600}})
    me = Member("n1", "n1-1", "http://n1", ("feed",), "1.0.0")
    membership = Membership(settings, me, lambda view: None, lambda event, is_news: None)

    with pytest.raises(ConfigurationError, match=r"node\.session_timeout_s: 3600, expected .*group\.max\.session"):
        asyncio.run(membership.join())
