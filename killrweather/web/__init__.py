"""The node's HTTP side: an application that asks, and the server that runs it.

The application (``create_app``) needs no actor: it is given a way to ask, so its tests stand in for the guardian.
"""

from killrweather.web.answers import Ask
from killrweather.web.application import create_app
from killrweather.web.serve import Server

__all__ = ["Ask", "Server", "create_app"]
