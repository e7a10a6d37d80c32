"""The HTTP application of a node, independent of actors: it knows a way to ask, and nothing else."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import TypeAdapter

from killrweather import __version__
from killrweather.settings import Settings
from killrweather.streams.observations import ObservationLog
from killrweather.web import cluster, feed, layers, metrics, observations, operations, problems, weather
from killrweather.web.access import BearerToken
from killrweather.web.answers import Ask
from killrweather.web.forwarding import Forwarding
from killrweather.web.nodes import Nodes
from killrweather.web.observations import Observations

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
    nodes = nodes or Nodes(settings)
    arriving = arriving or Observations(ObservationLog(settings))
    app = FastAPI(
        title="KillrWeather",
        version=__version__,
        description=_DESCRIPTION,
        docs_url=None,  # FastAPI's pages load their scripts from other machines
        redoc_url=None,
    )
    for routes in (
        feed.router(settings, ask),
        observations.router(arriving),
        weather.router(ask),
        operations.router(ask, nodes),
        metrics.router(ask),
        layers.router(ask),
        cluster.router(ask, nodes),
    ):
        app.include_router(routes)
    problems.install(app)
    app.add_middleware(Forwarding, nodes=nodes, name=settings.node.name, timeout_s=settings.http.request_timeout_s)
    if settings.http.token is not None:
        app.add_middleware(BearerToken, token=settings.http.token.get_secret_value())
    app.openapi = lambda: _openapi(app, settings)  # type: ignore[method-assign]
    return app


def _openapi(app: FastAPI, settings: Settings) -> dict[str, Any]:
    """The OpenAPI document: FastAPI's own, with the problem documents and the token of this configuration."""
    if app.openapi_schema is None:
        document = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        for own_form in ("HTTPValidationError", "ValidationError"):
            schemas.pop(own_form, None)
        schemas["ProblemDocument"] = TypeAdapter(problems.ProblemDocument).json_schema()
        if settings.http.token is not None:
            document["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
            document["security"] = [{"token": []}]
            document["paths"]["/alive"]["get"]["security"] = []
        app.openapi_schema = document
    return app.openapi_schema
