"""Talks HTTP to a node: sends observations, asks questions, gets the values that the actors answer."""

from killrweather.client.client import Client, LoadProgress, LoadResult

__all__ = ["Client", "LoadProgress", "LoadResult"]
