"""A node's place in the Kafka group: what the brokers refuse for good ends the node with the reason."""

import asyncio

import pytest
from aiokafka.errors import GroupAuthorizationFailedError, InvalidSessionTimeoutError, NodeNotReadyError

from killrweather.actorsystem.membership import Membership
from killrweather.actorsystem.strategy import SupervisorStrategy, exception_kinds
from killrweather.configuration import load_configuration
from killrweather.errors import ConfigurationError, Refused, Unavailable
from killrweather.messages.cluster import Member
from killrweather.settings import Settings

SETTINGS = Settings.model_validate(
    {
        "kafka": {
            "bootstrap_servers": ["k1:9092", "k2:9092"],
            "security": {"protocol": "SASL_PLAINTEXT", "username": "weather", "password": "secret"},
        },
        "node": {"session_timeout_s": 4, "group": "nodes"},
    }
)
REFUSALS = [
    (
        InvalidSessionTimeoutError(),
        ConfigurationError,
        ["node.session_timeout_s: 4", "group.min.session.timeout.ms", "group.max.session.timeout.ms", "k1:9092"],
    ),
    (
        GroupAuthorizationFailedError("nodes"),
        Refused,
        ["k1:9092", 'user "weather" may not use group nodes (node.group): expected ACLs that allow Read'],
    ),
]


class Library:
    """Stands in for aiokafka's consumer: it raises what it is given, and is closed or not."""

    def __init__(self, starting=None, polling=None):
        self.starting, self.polling, self.is_closed = starting, polling, False

    def __call__(self, *topics, **options):
        return self

    async def start(self):
        if self.starting:
            raise self.starting

    async def getmany(self, timeout_ms):
        if self.polling:
            raise self.polling
        return {}

    async def stop(self):
        self.is_closed = True


class Log:
    """Stands in for the log of events: nothing has happened, and the broker's clock is ours."""

    is_closed = False

    @classmethod
    async def open(cls, settings):
        return cls()

    async def news(self):
        return []

    async def write(self, event):
        return event.at.timestamp()

    async def close(self):
        self.is_closed = True


@pytest.fixture
def member(monkeypatch):
    """Joins with a library and is a member until an error ends it."""

    def run(library):
        monkeypatch.setattr("killrweather.actorsystem.group.AIOKafkaConsumer", library)
        monkeypatch.setattr("killrweather.actorsystem.membership.EventLog", Log)
        me = Member("n1", "n1-1", "http://n1", ("feed",), "1.0.0")

        async def life():
            membership = Membership(SETTINGS, me, lambda view: None, lambda event, is_news: None)
            await membership.join()
            await asyncio.wait_for(membership.run(), 0.05)

        asyncio.run(life())

    return run


@pytest.mark.parametrize("moment", ["starting", "polling"])
@pytest.mark.parametrize(("error", "kind", "words"), REFUSALS)
def test_what_no_further_try_would_mend_is_said_and_not_waited_out(member, error, kind, words, moment):
    """By whoever joins, and by a member that is refused when it joins anew."""
    with pytest.raises(kind) as caught:
        member(Library(**{moment: error}))

    assert [word for word in words if word not in str(caught.value)] == []
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(("error", "kind", "words"), REFUSALS)
def test_a_node_that_is_refused_keeps_no_connection(member, error, kind, words):
    """Its consumer is closed before anybody hears of it."""
    library = Library(starting=error)
    with pytest.raises(kind):
        member(library)

    assert library.is_closed


def test_brokers_that_are_away_are_waited_for(member):
    """A member goes on; one that joins is told to try again."""
    with pytest.raises(asyncio.TimeoutError):
        member(Library(polling=NodeNotReadyError()))
    with pytest.raises(Unavailable):
        member(Library(starting=NodeNotReadyError()))


@pytest.mark.parametrize("kind", [ConfigurationError, Refused])
def test_a_refused_membership_ends_the_node(kind):
    """The guardian passes it upwards, whatever else membership's strategy says."""
    strategy = SupervisorStrategy.of(load_configuration((), {}, {}).settings.actors["membership"].strategy)

    assert strategy.directive(exception_kinds(kind("no"))) == "escalate"
