"""The page at ``/upload``: files go from the browser to ``POST /weather/data``, and it says what became of each row."""

from __future__ import annotations

from pathlib import Path

from nicegui import ui
from nicegui.element import Element
from starlette.requests import Request

from killrweather.page.elements import tag, text
from killrweather.page.frame import desk_of, frame


class _Upload(Element, component=Path(__file__).parent / "assets" / "upload.js"):
    """The place to drop files, with each one's progress and rejected rows."""

    def __init__(self, max_bytes: int):
        super().__init__()
        self._props["max_bytes"] = max_bytes


def add() -> None:
    """Let NiceGUI show the page."""

    @ui.page("/upload")
    def show(request: Request) -> None:
        with frame(request, "Upload", "/upload"), tag("div", "narrow"):
            text("h1", "Upload")
            _Upload(desk_of(request).max_body_bytes)
