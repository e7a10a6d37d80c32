"""What passes between the stream's process and its actor."""

import pytest
from pydantic import ValidationError

from killrweather.jobs.events import ReplayOrder, dump, load
from killrweather.settings import Settings


def test_settings_arrive_whole_with_their_secrets():
    """A password that arrives as asterisks locks the stream out of Cassandra."""
    settings = Settings.model_validate(
        {
            "cassandra": {"username": "kw", "password": "p\"ä\n'"},
            "kafka": {
                "bootstrap_servers": ["k:9093"],
                "security": {"protocol": "SASL_SSL", "username": "u", "password": "q", "ca_file": "/etc/ca.pem"},
            },
            "http": {"token": "t"},
        }
    )

    arrived = load(dump(settings))

    assert arrived == settings
    assert arrived.cassandra.password.get_secret_value() == "p\"ä\n'"


def test_settings_are_one_line():
    """The next line is the actor's next word."""
    assert "\n" not in dump(Settings.model_validate({"cassandra": {"password": "a\nb"}}))


def test_settings_of_another_shape_are_refused():
    """A key that nobody knows is an error here too."""
    with pytest.raises(ValidationError):
        load('{"spork": 1}')


def test_an_order_for_a_replay_arrives_as_it_was_made():
    """JSON has no numbers for keys."""
    order = ReplayOrder("a1", {0: 17, 11: 0})

    assert ReplayOrder.load(order.dump()) == order
    assert "\n" not in order.dump()
