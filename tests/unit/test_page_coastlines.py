"""The coastlines: of the whole world, nothing drawn across it, and little enough for a browser."""

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from killrweather.page.coastlines import land, thinned

FEATURES = {one["properties"]["name"]: one["geometry"]["coordinates"] for one in json.loads(land())["features"]}
RINGS = [(name, ring) for name, polygons in FEATURES.items() for [ring] in polygons]


def encloses(ring, long, lat):
    """Whether a ray from the place to the east crosses the ring an odd number of times."""
    crossed = [
        (x1, y1, x2, y2)
        for (x1, y1), (x2, y2) in pairwise(ring)
        if (y1 > lat) != (y2 > lat) and long < x1 + (lat - y1) / (y2 - y1) * (x2 - x1)
    ]
    return len(crossed) % 2 == 1


@pytest.mark.parametrize(
    ("lat", "long", "expected"),
    [
        (48, 2, {"land"}),  # France
        (40.64, -73.78, {"land"}),  # Kennedy Airport, on Long Island
        (66, -172, {"land"}),  # Chukotka, east of 180°
        (67, 178, {"land"}),  # and west of it
        (-21.1, 55.5, {"land"}),  # Réunion, 2,500 km²
        (-80, 90, {"antarctica"}),
        (-80, -90, {"antarctica"}),
        (42, 50.5, {"land", "lakes"}),  # the Caspian Sea
        (43.5, -87, {"land", "lakes"}),  # Lake Michigan
        (30, -40, set()),  # the Atlantic
        (0, -150, set()),  # the Pacific
        (75, 180, set()),
    ],
)
def test_a_known_place_is_on_what_it_is_on(lat, long, expected):
    """The longitude comes first, north and east are positive, and what is land is not sea."""
    found = {name for name, ring in RINGS if encloses(ring, long, lat)}

    assert found == expected


def test_every_outline_is_closed():
    """Its last place is its first, and there is something between them."""
    open_ones = [ring[0] for _, ring in RINGS if ring[0] != ring[-1] or len(ring) < 4]

    assert open_ones == []


def test_the_world_reaches_from_pole_to_greenland_and_from_edge_to_edge():
    """All longitudes; nothing beyond what a map has."""
    longs, lats = zip(*(place for _, ring in RINGS for place in ring), strict=True)

    assert (min(longs), max(longs)) == (-180, 180)
    assert (min(lats), round(max(lats))) == (-90, 84)


def test_no_line_runs_across_the_map():
    """An outline that crosses 180° of longitude is two; only those of Antarctica have long sides, along the pole."""
    steps = [abs(one[0] - other[0]) for _, ring in RINGS for one, other in pairwise(ring) if one[1] > -90]

    assert max(steps) < 15
    assert max(abs(one[0] - other[0]) for _, ring in RINGS for one, other in pairwise(ring)) <= 180


def test_the_coastlines_are_small_enough_for_a_slow_line():
    """A quarter of a megabyte, before it is compressed, with the world's islands of 500 km² and more."""
    assert len(land()) < 250_000
    assert len(FEATURES["land"]) > 400


def test_places_on_a_straight_line_are_left_out():
    """The corners of a square say all about it."""
    corners = [[0, 0], [10, 0], [10, 10], [0, 10], [0, 0]]
    ring = [[0, 0], [3, 0], [7, 0.05], [10, 0], [10, 10], [4, 9.95], [0, 10], [0, 0]]

    assert thinned(ring) == corners


_PLACES = st.lists(st.integers(-18_000, 18_000).map(lambda one: one / 100), min_size=2, max_size=2)


@given(st.lists(_PLACES, min_size=2, max_size=30))
def test_what_is_kept_is_in_order_and_has_both_ends(places):
    """Nothing is moved or made up, so a closed ring stays closed."""
    kept = thinned(places)
    rest = iter(places)

    assert (kept[0], kept[-1]) == (places[0], places[-1])
    assert all(place in rest for place in kept)
