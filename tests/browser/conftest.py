"""A browser for all tests of a file, and the staged application that it looks at."""

from collections.abc import Iterator

import pytest
from browser_stage import Served, StagedNode
from playwright.sync_api import Browser, BrowserContext, Page, expect

from bench import browser

_PATIENCE_MS = 60_000

expect.set_options(timeout=_PATIENCE_MS)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """One for all tests of a file."""
    with browser.chromium() as opened:
        yield opened


@pytest.fixture
def node() -> StagedNode:
    """A node with weather of some stations."""
    return StagedNode()


@pytest.fixture
def served(node: StagedNode) -> Iterator[Served]:
    """The application over that node."""
    served = Served(node)
    yield served
    served.stop()


class Watched:
    """What a browser was told off for, and what it asked of other machines."""

    def __init__(self, context: BrowserContext, own: str):
        self.complaints: list[str] = []
        self.outside: list[str] = []
        allowed = (own, own.replace("http", "ws", 1), "data:", "blob:")
        context.on("console", lambda said: self._said(said.text) if said.type == "error" else None)
        context.on("weberror", lambda error: self.complaints.append(str(error.error)))
        context.on("dialog", lambda dialog: self.complaints.append(f"dialog: {dialog.message}"))
        context.on("request", lambda made: None if made.url.startswith(allowed) else self.outside.append(made.url))

    def _said(self, text: str) -> None:
        if "status of 422" not in text:  # Chromium says so of each upload that is refused
            self.complaints.append(text)


@pytest.fixture
def context(chromium: Browser, served: Served) -> Iterator[BrowserContext]:
    """A reader who was never here; whatever they do, no script fails and nothing is asked of another machine."""
    context = chromium.new_context(
        base_url=served.url, viewport={"width": 1280, "height": 900}, reduced_motion="reduce", accept_downloads=True
    )
    context.set_default_timeout(_PATIENCE_MS)
    watched = Watched(context, served.url)
    yield context
    context.close()
    assert watched.complaints == []
    assert watched.outside == []


@pytest.fixture
def page(context: BrowserContext) -> Page:
    """A tab."""
    return context.new_page()
