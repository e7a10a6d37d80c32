"""Incoming data: from bytes in any format to observations and rejects.

    bytes ── reader ──► pieces of whole lines ── parsing ──► observations, rejects ── canonical ──► Kafka records

``reader`` recognises compression and format and is light; ``parsing`` and ``canonical`` bring polars, so they are
imported where they are used and not here. ``stations`` reads station tables.
"""

from killrweather.feed.formats import FORMATS, Format, format_named
from killrweather.feed.reader import InputReader, Origin, Piece, read_path
from killrweather.feed.rejects import Reject
from killrweather.feed.stations import StationTable, parse_stations

__all__ = [
    "FORMATS",
    "Format",
    "InputReader",
    "Origin",
    "Piece",
    "Reject",
    "StationTable",
    "format_named",
    "parse_stations",
    "read_path",
]
