"""Signed messages: what is let in, and what never gets as far as the unpickler."""

import os
import pickle
from datetime import date, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from killrweather.actorsystem.hardening import SignedPickle, _BoundedBuffer
from killrweather.messages.control import Ask, Directive, Failed, RequestFailed, Start
from killrweather.settings import Http, Settings

PORTER = SignedPickle(b"k" * 32)


class Crafted:
    """Runs a command when it is unpickled."""

    def __init__(self, function, *arguments):
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize(
    "message",
    [
        Ask("1", RequestFailed("failed", "text"), 1.0),
        Failed("a", 1, ("ValueError",), "text", "trace"),
        Directive("restart", 2),
        {"a": [1, 2.0, None, True, b"x", {"s"}, frozenset([1]), (1,)]},
        [date(2008, 1, 1), datetime(2008, 1, 1, tzinfo=timezone.utc), timedelta(seconds=1), Path("/x")],
    ],
)
def test_a_message_comes_back_as_it_went(message):
    """Messages, plain values, days and times may travel."""
    assert PORTER.loads(PORTER.dumps(message)) == message


def test_settings_travel_with_their_secrets():
    """An actor's Start carries the configuration, whose secrets are a class of pydantic."""
    start = Start("a", "b.C", Settings(http=Http(token="s3cret")), Path("/home"))

    assert PORTER.loads(PORTER.dumps(start)).settings.http.token.get_secret_value() == "s3cret"


@pytest.mark.parametrize(
    "crafted",
    [
        Crafted(os.system, "true"),
        Crafted(eval, "1"),
        Crafted(getattr, "text", "upper"),
        Crafted(__import__, "os"),
        Crafted(pickle.loads, b""),
    ],
)
def test_a_signed_message_with_a_function_is_refused(crafted):
    """Even who has the key sends values, not calls."""
    with pytest.raises(pickle.UnpicklingError, match="not allowed"):
        PORTER.loads(PORTER.dumps(crafted))


@pytest.mark.parametrize("module", ["thespian.system.utilis", "killrweather.processes", "logging", "pathlib"])
@pytest.mark.parametrize("name", ["os", "sys", "thesplog", "running", "getLogger"])
def test_an_allowed_module_gives_its_classes_only(module, name):
    """Neither its functions nor the modules it imports."""
    data = f"c{module}\n{name}\n.".encode()

    with pytest.raises((pickle.UnpicklingError, AttributeError)):
        SignedPickle(b"k").loads(_signed(b"k", data))


@given(st.binary(max_size=200))
def test_bytes_without_the_signature_are_never_read(data):
    """Whatever arrives, only a signature opens it."""
    with pytest.raises(pickle.UnpicklingError, match="signature"):
        PORTER.loads(data)


@given(st.integers(0, 300), st.integers(1, 255))
def test_a_changed_byte_breaks_the_signature(place, change):
    """Neither the signature nor the message can be altered."""
    packed = bytearray(PORTER.dumps(Ask("1", "x" * 300, 1.0)))
    packed[place] ^= change

    with pytest.raises(pickle.UnpicklingError, match="signature"):
        PORTER.loads(bytes(packed))


def test_another_systems_message_is_refused():
    """Two nodes on one machine do not hear each other."""
    with pytest.raises(pickle.UnpicklingError, match="signature"):
        SignedPickle(b"other").loads(PORTER.dumps("hello"))


@pytest.mark.parametrize("received", [b"junk" * 20, b"-5>abc", b"99999999999>abc", b"0x>abc"])
def test_what_is_no_message_is_given_up_at_once(received):
    """Nobody makes a process collect bytes without end, or wait for fewer than none."""
    buffer = _BoundedBuffer(PORTER.loads)

    with pytest.raises(ValueError, match=r"length|bytes|invalid"):
        buffer.addMore(received)


def test_a_message_may_come_in_pieces():
    """Also within its length."""
    buffer, packed = _BoundedBuffer(PORTER.loads), PORTER.dumps("hello")
    framed = b"%d>%s" % (len(packed), packed)
    for place in range(len(framed)):
        buffer.addMore(framed[place : place + 1])

    assert buffer.completed() == ("hello", b"")


def _signed(key, data):
    import hashlib
    import hmac

    return hmac.digest(key, data, hashlib.sha256().name) + data
