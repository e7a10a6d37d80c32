"""The other nodes of the cluster, as a node's HTTP door knows them: who answers what, and how to reach them."""

from collections.abc import Mapping
from typing import Any

import httpx

from killrweather.errors import Unavailable
from killrweather.messages.cluster import ClusterView, Member
from killrweather.request_id import HEADER, current
from killrweather.settings import Settings
from killrweather.tls import client_context
from killrweather.web.events import Listener, Listeners

HOP = "x-killrweather-hop"
"""The header of a request that a node passed on: the node's name. Such a request is passed on no further."""

_CONNECT_S = 1.0

_PREFIXES = (
    ("/weather/events", "self", ""),
    ("/operations/replay", "owner", "stream"),
    ("/operations/recompute", "first", "analytics"),
    ("/weather/rejected", "first", "feed"),
    ("/weather/data", "any", "feed"),
    ("/weather/", "any", "query"),
)
"""Which path needs what: only the node itself, the owner of a singleton, any node with a role, or always the same one,
which knows how far the work is that it was given."""


class Nodes:
    """The newest view of the cluster, and a client for all nodes in it."""

    def __init__(self, settings: Settings):
        self._settings = settings
        self.view = ClusterView("")
        self.listeners: Listeners[Listener] = Listeners()
        """Who listens to what happens in the cluster."""
        self._client: httpx.AsyncClient | None = None

    @property
    def client(self) -> httpx.AsyncClient:
        """For requests to other nodes; made when it is first needed, in the loop that uses it."""
        if self._client is None:
            http = self._settings.http
            timeout = httpx.Timeout(http.request_timeout_s, connect=_CONNECT_S)
            verify = client_context("http.tls", http.tls.ca_file) if http.tls.ca_file else True
            self._client = httpx.AsyncClient(timeout=timeout, verify=verify)
        return self._client

    async def close(self) -> None:
        """Close all connections to other nodes."""
        if self._client is not None:
            await self._client.aclose()

    def elsewhere(self, path: str) -> tuple[Member, ...] | None:
        """The nodes that this request may be passed to, best first; None when this node answers it itself.

        Raises Unavailable when no node can answer it.
        """
        need = next(((how, role) for prefix, how, role in _PREFIXES if path.startswith(prefix)), None)
        me = next((member for member in self.view.members if member.id == self.view.me), None)
        if need is None or need[0] == "self" or me is None:
            return None
        how, role = need
        if how == "owner":
            owner = self.view.owner("stream")
            able: tuple[Member, ...] = (owner,) if owner and owner.state in ("Up", "Leaving") else ()
        else:
            able = self.view.up(role)[:1] if how == "first" else self.view.up(role)
        if me in able or (not able and role in me.roles):
            return None
        if not able:
            raise Unavailable(f"no node with the role {role} is up; start one: killrweather node start --roles {role}")
        return able

    def headers(self) -> Mapping[str, str]:
        """What a request of this node to another one carries."""
        token = self._settings.http.token
        passed = {HOP: self._settings.node.name}
        if request_id := current():
            passed[HEADER] = request_id
        return {**passed, "authorization": f"Bearer {token.get_secret_value()}"} if token else passed

    async def ask(self, member: Member, method: str, path: str) -> Any:
        """The JSON that another node answers; raises Unavailable when it does not."""
        try:
            answer = await self.client.request(method, f"{member.address}{path}", headers=self.headers())
            answer.raise_for_status()
            return answer.json()
        except (httpx.HTTPError, ValueError) as error:
            raise Unavailable(f"node {member.name} at {member.address} does not answer: {error!r}") from error
