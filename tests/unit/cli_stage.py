"""A node for commands, at the other end of their HTTP client: prepared answers by path, and what it was asked."""

from typing import Any

import httpx

from killrweather.cli.rows import plain


class Node:
    """Answers for every address; a path without an answer has no such data. ``problem`` keeps it from any answer."""

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {}
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.timeouts: list[float] = []
        """s that the client would have waited for each answer."""
        self.problem: Exception | None = None

    def answer(self, request: httpx.Request) -> httpx.Response:
        """What stands in for the network: ``httpx.HTTPTransport.handle_request``."""
        path = request.url.path
        self.asked.append((path, dict(request.url.params)))
        self.timeouts.append(request.extensions["timeout"]["read"])
        if self.problem:
            raise self.problem
        if path in self.answers:
            return httpx.Response(200, json=plain(self.answers[path]))
        problem = {"type": "no-data-available", "detail": f"nothing at {path}"}
        return httpx.Response(404, json=problem, headers={"Content-Type": "application/problem+json"})
