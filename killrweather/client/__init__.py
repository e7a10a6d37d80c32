"""Talks HTTP to a node: sends observations, asks questions, gets the values that the actors answer.

    questions, uploads, events ── conversation ──► core (which node, whether again) ── steps ──► Client, AsyncClient

A conversation is a generator that says what to do next and never does it, so both clients share all that is decided.
"""

from killrweather.client.async_client import AsyncClient
from killrweather.client.client import Client
from killrweather.client.events import ObservationEvent
from killrweather.client.frames import to_pandas, to_polars
from killrweather.client.results import LoadProgress, LoadResult

__all__ = ["AsyncClient", "Client", "LoadProgress", "LoadResult", "ObservationEvent", "to_pandas", "to_polars"]
