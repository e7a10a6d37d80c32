"""The node's only door for data and questions."""

from typing import Any

from killrweather.actorsystem import AsyncActor
from killrweather.messages.cluster import ClusterEvent, ClusterView
from killrweather.messages.control import DataFeedStarted, RequestFailed
from killrweather.messages.feed import PublishObservations
from killrweather.streams.observations import ObservationLog
from killrweather.web.application import create_app
from killrweather.web.cluster import event_of
from killrweather.web.forwarding import within
from killrweather.web.nodes import Nodes
from killrweather.web.observations import Observations
from killrweather.web.serve import Server

_PARSING_S = 10.0
"""How long a publisher may take for a chunk besides waiting for Kafka."""


class HttpFeedActor(AsyncActor):
    """Serves HTTP in its loop: data goes to the publishers, questions go to the guardian."""

    async def pre_start(self) -> None:
        self._nodes = Nodes(self.settings)
        self._arriving = Observations(ObservationLog(self.settings))
        self._server = Server(create_app(self.settings, self._ask, self._nodes, self._arriving), self.settings)
        await self._server.start()
        self.in_actor(self.tell, "guardian", DataFeedStarted(self._server.url))

    async def post_stop(self) -> None:
        self._nodes.listeners.close()
        await self._arriving.close()
        await self._server.stop()
        await self._nodes.close()

    def health(self) -> dict[str, Any]:
        return {"http": ""}

    async def receiveMsg_ClusterView(self, view: ClusterView, sender: Any) -> None:
        """Know the nodes that a request may be passed to."""
        self._nodes.view = view

    async def _happened(self, event: ClusterEvent, sender: Any) -> None:
        """Tell whoever listens to ``/cluster/events``."""
        self._nodes.listeners.tell([event_of(event)])

    receiveMsg_MemberJoining = receiveMsg_MemberUp = receiveMsg_MemberLeaving = _happened
    receiveMsg_MemberUnreachable = receiveMsg_MemberRemoved = receiveMsg_MemberRefused = _happened
    receiveMsg_SingletonMoved = _happened

    async def _ask(self, message: Any) -> Any:
        """Send a message where it belongs and wait for the answer; raises the error that RequestFailed stands for."""
        if isinstance(message, PublishObservations):
            timeout_s = within(self.settings.kafka.request_timeout_s + _PARSING_S)
            answer = await self.request("kafka-publisher", message, timeout_s)
        else:
            answer = await self.request("guardian", message, within(self.settings.http.request_timeout_s))
        if isinstance(answer, RequestFailed):
            raise answer.to_error()
        return answer
