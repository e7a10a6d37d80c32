from math import acos, cos, radians, sin

import pytest
from hypothesis import given
from hypothesis import strategies as st

from killrweather.errors import BadRequest
from killrweather.model.station import (
    EARTH_RADIUS_KM,
    HALF_ROUND_THE_EARTH_KM,
    WeatherStation,
    distance_km,
    near,
    page_of,
    search,
    wsids_of,
)

LAGUARDIA = WeatherStation("725030:14732", "NEW YORK LAGUARDIA ARPT", "US", "NY", "KLGA", 40.783, -73.883, 3.4)
KENNEDY = WeatherStation("744860:94789", "NEW YORK J F KENNEDY INT'L AR", "US", "NY", "KJFK", 40.65, -73.783, 6.7)
SAN_FRANCISCO = WeatherStation("724940:23234", "SAN FRANCISCO INTL AP", "US", "CA", "KSFO", 37.62, -122.365, 3.4)
NOWHERE = WeatherStation("010000:99999", "BOGUS NORWAY", "NO")
STATIONS = [SAN_FRANCISCO, NOWHERE, KENNEDY, LAGUARDIA]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("new york", [KENNEDY, LAGUARDIA]),
        ("york kennedy", [KENNEDY]),
        ("klga", [LAGUARDIA]),
        ("724940:23234", [SAN_FRANCISCO]),
        ("us ca", [SAN_FRANCISCO]),
        ("lga", []),
        ("   ", []),
    ],
)
def test_a_search_finds_the_stations_of_which_every_word_is_true(text, found):
    """Words match in the name and id, or equal a code, in any case."""
    assert search(STATIONS, text) == found


def test_the_station_called_exactly_so_comes_first():
    """A call sign beats a name that begins with it, and that beats a name that contains it."""
    starts = WeatherStation("1", "NOME FIELD")
    contains = WeatherStation("2", "A NOME")
    called = WeatherStation("3", "ZULU", call_sign="NOME")

    assert search([contains, starts, called], "nome") == [called, starts, contains]


def test_near_gives_the_stations_within_the_distance_nearest_first():
    """A station whose place is unknown is never near."""
    found = near(STATIONS, 40.78, -73.88, 50)

    assert [one.wsid for one in found] == [LAGUARDIA.wsid, KENNEDY.wsid]
    assert (found[0].name, found[0].elevation) == (LAGUARDIA.name, LAGUARDIA.elevation)
    assert found[1].distance_km == pytest.approx(16.6, abs=0.1)


def test_a_distance_agrees_with_another_formula():
    """The spherical law of cosines and the length of a meridian say the same."""
    north_a, north_b, turn = radians(40.783), radians(37.62), radians(122.365 - 73.883)
    angle = acos(sin(north_a) * sin(north_b) + cos(north_a) * cos(north_b) * cos(turn))

    assert distance_km(40.783, -73.883, 37.62, -122.365) == pytest.approx(angle * EARTH_RADIUS_KM, abs=1e-6)
    assert distance_km(0, 12, 90, 12) == pytest.approx(10_007.557, abs=1e-3)


@pytest.mark.parametrize(
    ("place", "argument"),
    [((91, 0, 1), "lat"), ((0, 181, 1), "long"), ((0, 0, -1), "km"), ((float("nan"), 0, 1), "lat")],
)
def test_a_place_that_is_not_on_earth_is_refused(place, argument):
    """The error names the argument."""
    with pytest.raises(BadRequest) as caught:
        near(STATIONS, *place)

    assert caught.value.argument == argument


LATITUDES = st.floats(-90, 90)
LONGITUDES = st.floats(-180, 180)


PLACES = st.sampled_from((-180.0, -179.9, 0.0, 179.9, 180.0)) | LONGITUDES
CROWD = st.lists(
    st.tuples(st.sampled_from((-90.0, -0.1, 0.0, 90.0)) | LATITUDES, PLACES) | st.just((None, None)), max_size=40
)


@given(CROWD, LATITUDES, PLACES, st.floats(0.001, HALF_ROUND_THE_EARTH_KM), st.integers(1, 45))
def test_all_pages_together_are_the_whole_answer(places, lat, long, km, limit):
    """Whatever their size, also where several stations are equally far, over the date line and at the poles."""
    stations = [WeatherStation(f"{number:06}:99999", lat=a, long=b) for number, (a, b) in enumerate(places * 2)]
    known = [(round(distance_km(lat, long, one.lat, one.long), 6), one.wsid) for one in stations if one.lat is not None]
    expected = sorted(pair for pair in known if pair[0] <= km)

    pages, after = [], ""
    while shown := page_of(near(reversed(stations), lat, long, km), after, limit):
        pages.append(shown)
        after = shown[-1].wsid

    assert [(one.distance_km, one.wsid) for shown in pages for one in shown] == expected
    assert all(len(shown) == limit for shown in pages[:-1])


@pytest.mark.parametrize(
    ("place", "nearest", "km"),
    [
        ((0.0, 179.5), (0.0, -179.5), 111.195),
        ((0.0, 180.0), (0.0, -180.0), 0.0),
        ((90.0, 0.0), (89.0, -120.0), 111.195),
        ((-89.0, 10.0), (-89.0, -170.0), 222.390),
    ],
)
def test_the_date_line_and_the_poles_are_no_borders(place, nearest, km):
    """A degree of a great circle is 111.195 km there too."""
    [found] = near([WeatherStation("1", lat=nearest[0], long=nearest[1])], *place, km + 0.001)

    assert found.distance_km == pytest.approx(km, abs=0.001)


def test_stations_that_are_equally_far_come_in_the_order_of_their_ids():
    """Also where the arithmetic of the two distances differs in the last digit."""
    east, west = WeatherStation("2:1", lat=0.0, long=179.0), WeatherStation("1:1", lat=0.0, long=-179.0)

    assert [one.wsid for one in near([east, west], 0.0, 180.0, 112)] == ["1:1", "2:1"]


def test_a_page_after_a_station_that_was_not_found_is_refused():
    """As a cursor of another question would be."""
    with pytest.raises(BadRequest, match="cursor") as caught:
        page_of(STATIONS, "999999:99999", 10)

    assert caught.value.argument == "cursor"


@given(LATITUDES, LONGITUDES, LATITUDES, LONGITUDES)
def test_a_distance_is_the_same_both_ways_and_at_most_half_the_globe(lat_a, long_a, lat_b, long_b):
    """Antipodes do not break the formula."""
    distance = distance_km(lat_a, long_a, lat_b, long_b)

    assert distance == pytest.approx(distance_km(lat_b, long_b, lat_a, long_a), abs=1e-6)
    assert 0 <= distance <= EARTH_RADIUS_KM * 3.14159266


def test_a_ghcnh_id_of_an_airport_leads_to_its_usaf_and_wban():
    """By the WBAN; USAF 999999 is none where there is another, and enough where there is none."""
    stations = [*STATIONS, WeatherStation("999999:14732"), WeatherStation("999999:00241")]

    assert wsids_of(stations, ["USW00014732", "USW00000241", "USW00003046"]) == {
        "USW00014732": "725030:14732",
        "USW00000241": "999999:00241",
    }


@pytest.mark.parametrize("ghcnh_id", ["USW00099999", "USC00014732", "NOI0000ENJA", "USW00114732"])
def test_an_id_that_tells_no_wban_is_left_as_it_is(ghcnh_id):
    """99999 stands for no WBAN, and other networks have other numbers."""
    assert wsids_of([*STATIONS, WeatherStation("999999:14732")], [ghcnh_id]) == {}


def test_a_wban_with_two_usafs_is_not_guessed_at():
    """The station keeps its GHCNh id."""
    assert wsids_of([WeatherStation("723914:93218"), WeatherStation("690020:93218")], ["USW00093218"]) == {}
