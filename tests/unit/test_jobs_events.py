"""What passes between the stream's process and its actor."""

import pytest
from pydantic import ValidationError

from killrweather.jobs.events import dump, load
from killrweather.settings import Settings


def test_settings_arrive_whole_with_their_secrets():
    """A password that arrives as asterisks locks the stream out of Cassandra."""
    settings = Settings.model_validate(
        {
            "cassandra": {"username": "kw", "password": "p\"ä\n'"},
            "kafka": {"security": {"protocol": "SASL_SSL", "password": "q", "ca_file": "/etc/ca.pem"}},
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
