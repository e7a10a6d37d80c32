"""The node's only door for data and questions."""

from typing import Any

from killrweather.actorsystem import AsyncActor
from killrweather.messages.control import DataFeedStarted, RequestFailed
from killrweather.messages.feed import PublishObservations
from killrweather.web.application import create_app
from killrweather.web.serve import Server

_PARSING_S = 10.0
"""How long a publisher may take for a chunk besides waiting for Kafka."""


class HttpFeedActor(AsyncActor):
    """Serves HTTP in its loop: data goes to the publishers, questions go to the guardian."""

    async def pre_start(self) -> None:
        self._server = Server(create_app(self.settings, self._ask), self.settings)
        await self._server.start()
        self.in_actor(self.tell, "guardian", DataFeedStarted(self._server.url))

    async def post_stop(self) -> None:
        await self._server.stop()

    def health(self) -> dict[str, Any]:
        return {"http": ""}

    async def _ask(self, message: Any) -> Any:
        """Send a message where it belongs and wait for the answer; raises the error that RequestFailed stands for."""
        if isinstance(message, PublishObservations):
            timeout_s = self.settings.kafka.request_timeout_s + _PARSING_S
            answer = await self.request("kafka-publisher", message, timeout_s)
        else:
            answer = await self.request("guardian", message)
        if isinstance(answer, RequestFailed):
            raise answer.to_error()
        return answer
