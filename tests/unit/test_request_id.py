"""The id of a request: which ones are taken, and how far one reaches."""

from hypothesis import given
from hypothesis import strategies as st

from killrweather.request_id import LONGEST, current, taken, working_for


def test_an_id_that_a_log_and_a_header_can_hold_is_taken():
    """UUIDs, trace ids of load balancers, base64: as they came."""
    for given_id in ("1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed", "Root=1-67891233-abcdef012345678912345678", "a+/=", "x"):
        assert taken(given_id) == given_id
    assert taken("x" * LONGEST) == "x" * LONGEST


@given(st.text(min_size=1, max_size=LONGEST + 20))
def test_whatever_comes_the_id_is_short_and_harmless(given_id):
    """No line end, quote, space or angle bracket gets into a log, a header or a page."""
    found = taken(given_id)

    assert 0 < len(found) <= LONGEST
    assert found.isascii()
    assert not set(found) & set(" \t\r\n\"'<>\\,;{}")


def test_every_request_without_an_id_gets_another_one():
    """A missing, an empty and a hostile one alike."""
    made = {taken(given_id) for given_id in (None, "", "a b", "a\nb", "é", "x" * (LONGEST + 1))}

    assert len(made) == 6


def test_what_comes_after_is_nobody_s():
    """The id ends with the work for it, within another one's too."""
    with working_for("a"):
        with working_for(None):
            assert current() is None
        assert current() == "a"
    assert current() is None
