"""The HTTP application of a node, independent of actors: it knows a way to ask, and nothing else."""

from functools import partial

from fastapi import FastAPI

from killrweather import __version__
from killrweather.page import Desk, Login, Pages
from killrweather.page.stored import Stored
from killrweather.settings import Settings
from killrweather.streams.observations import ObservationLog
from killrweather.web import cluster, feed, layers, metrics, observations, operations, problems, weather
from killrweather.web.access import BearerToken
from killrweather.web.answers import Ask
from killrweather.web.caching import Caching
from killrweather.web.forwarding import Forwarding
from killrweather.web.latency import Latencies, Timing
from killrweather.web.methods import Methods
from killrweather.web.nodes import Nodes
from killrweather.web.observations import Observations
from killrweather.web.openapi import openapi
from killrweather.web.request_ids import RequestIds
from killrweather.web.sites import OtherSites, OwnSite

_DESCRIPTION = """Weather observations in, and answers about them.

Times are UTC in ISO 8601, days `YYYY-MM-DD`; temperatures in °C, pressure in hPa, wind in m/s and degrees,
precipitation in mm. Errors are `application/problem+json` (RFC 9457); their `type` is a stable name."""


def create_app(
    settings: Settings, ask: Ask, nodes: Nodes | None = None, arriving: Observations | None = None
) -> FastAPI:
    """The application; ``ask`` sends a request message and returns its answer or raises a KillrWeatherError.

    ``nodes`` knows the other nodes of the cluster; None = this one is alone. ``arriving`` has what
    ``/weather/events`` tells; None = what comes to the raw topic. Whoever gives them closes them.
    """
    nodes, latencies = nodes or Nodes(settings), Latencies()
    arriving = arriving or Observations(ObservationLog(settings))
    app = FastAPI(
        title="KillrWeather",
        version=__version__,
        description=_DESCRIPTION,
        docs_url=None,  # FastAPI's pages load their scripts from other machines
        redoc_url=None,
        redirect_slashes=False,  # it would send clients to whatever host their request names
    )
    for routes in (  # the first that fits a path is taken: what is asked most comes first
        weather.router(ask),
        feed.router(settings, ask),
        observations.router(arriving),
        operations.router(ask, nodes),
        metrics.router(ask, latencies),
        layers.router(ask),
        cluster.router(ask, nodes),
    ):
        app.include_router(routes)
    problems.install(app)
    has_token = settings.http.token is not None
    app.openapi = lambda: openapi(app, has_token)  # type: ignore[method-assign]
    status = partial(operations.status_of, ask, nodes)
    desk = Desk(
        ask=ask,
        status=status,
        stored=Stored(arriving, status),
        has_token=has_token,
        max_body_bytes=settings.http.max_body_bytes,
    )
    _add_layers(app, settings, nodes, latencies, desk)
    return app


def _add_layers(app: FastAPI, settings: Settings, nodes: Nodes, latencies: Latencies, desk: Desk) -> None:
    """What every request passes, the innermost first."""
    app.add_middleware(Caching)
    app.add_middleware(Methods, routes=app.routes)
    app.add_middleware(Pages, desk=desk)
    app.add_middleware(Forwarding, nodes=nodes, name=settings.node.name, timeout_s=settings.http.request_timeout_s)
    if settings.http.token is not None:
        token = settings.http.token.get_secret_value()
        app.add_middleware(BearerToken, token=token, login=Login(token))
    app.add_middleware(OwnSite, http=settings.http)
    if settings.http.cors_origins:
        app.add_middleware(OtherSites, origins=settings.http.cors_origins)
    app.add_middleware(Timing, latencies=latencies, templates=lambda: [*app.openapi()["paths"], str(app.openapi_url)])
    app.add_middleware(RequestIds)
