"""What pages are made of: plain HTML elements, and charts with their picture, numbers and table."""

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nicegui import ui
from nicegui.element import Element
from nicegui.elements.echart.echart import EChart  # noqa: F401 - its import names "nicegui-echart" to chart.js
from nicegui.elements.mixins.text_element import TextElement

from killrweather.page.units import Unit

_ASSETS = Path(__file__).parent / "assets"
MAP = "/page/land.json"


def tag(name: str, classes: str = "", **attributes: Any) -> Element:
    """An element without text; ``True`` is an attribute without a value, ``_`` in names stands for ``-``."""
    return _dressed(Element(name), classes, attributes)


def text(name: str, content: str, classes: str = "", **attributes: Any) -> TextElement:
    """An element with text, which is shown as it is, whatever it looks like."""
    return _dressed(TextElement(tag=name, text=content), classes, attributes)


def button(label: str, on_click: Callable[..., Any] | None = None, classes: str = "", **attributes: Any) -> TextElement:
    """A button."""
    element = text("button", label, classes, type="button", **attributes)
    if on_click is not None:
        element.on("click", on_click, args=[])
    return element


def link(label: str, target: str, classes: str = "", **attributes: Any) -> TextElement:
    """A link."""
    return text("a", label, classes, href=target, **attributes)


def select(label: str, options: Sequence[tuple[str, str]], value: str, on_change: Callable[[str], Any]) -> Element:
    """A labelled choice of (value, text)."""
    with tag("div", "choice"):
        caption = text("label", label)
        with tag("select") as box:
            for key, shown in options:
                option = text("option", shown, value=key)
                if key == value:
                    option._props["selected"] = True
        caption._props["for"] = box.html_id
    box.on("change", lambda event: on_change(str(event.args)), js_handler="(event) => emit(event.target.value)")
    return box


def table(
    caption: str, head: Sequence[str], rows: Sequence[Sequence[str | tuple[str, str]]], numbers_from: int = 1
) -> None:
    """A table; a cell is text, or a text and where it leads. Columns from ``numbers_from`` on are numbers."""
    with tag("div", "table-box", tabindex="0", role="region", aria_label=caption), tag("table"):
        text("caption", caption, "hidden")
        with tag("thead"), tag("tr"):
            for number, title in enumerate(head):
                text("th", title, "number" if number >= numbers_from else "", scope="col")
        with tag("tbody"):
            for row in rows:
                with tag("tr"):
                    for number, cell in enumerate(row):
                        name = "td" if number else "th"
                        classes, scope = (
                            ("number" if number >= numbers_from else ""),
                            ({} if number else {"scope": "row"}),
                        )
                        if isinstance(cell, str):
                            text(name, cell, classes, **scope)
                        else:
                            with tag(name, classes, **scope):
                                link(*cell)


def notice(kind: str, title: str, detail: str = "") -> Element:
    """What a part of a page says instead of data: ``loading``, ``empty`` or ``error``."""
    with tag("div", f"notice {kind}", role="alert" if kind == "error" else "status") as box:
        text("strong", title)
        if detail:
            text("p", detail)
    return box


@dataclass(frozen=True)
class Sheet:
    """The numbers of a chart: a title for each column, then the rows."""

    head: tuple[str, ...]
    rows: Sequence[Sequence[Any]]

    def csv(self) -> str:
        """As a file for other programs."""
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(self.head)
        writer.writerows(self.rows)
        return out.getvalue()


class Chart(Element, component=_ASSETS / "chart.js"):
    """An ECharts chart in the page's colours."""

    def __init__(self, options: dict[str, Any], unit: Unit, filename: str, view: dict[str, Any] | None = None):
        super().__init__()
        self._props.update(options=options, unit=unit.symbol, digits=unit.digits, filename=filename)
        if view is not None:
            self._props.update(map=MAP, view=view)
        self._update_method = "update_chart"

    def show(self, options: dict[str, Any]) -> None:
        """Draw these options instead, if they are others."""
        if self._props["options"] != options:
            self._props["options"] = options
            self.update()


class Figure:
    """A chart with its title, what it shows in words, and its downloads."""

    def __init__(self, title: str, filename: str, unit: Unit, options: dict[str, Any], sheet: Sheet, summary: str):
        self.title = title
        self._sheet, self._filename = sheet, filename
        with tag("figure", "card"):
            with tag("div", "figure-head"):
                text("h3", title)
                with tag("div", "figure-tools"):
                    picture = button("PNG", classes="small", aria_label=f"{title}: download as PNG")
                    button("CSV", self._download, "small", aria_label=f"{title}: download as CSV")
            self._summary = text("figcaption", summary)
            self.chart = Chart(options, unit, filename)
            self.chart.classes("chart")
            picture.on("click", js_handler=f"() => runMethod({self.chart.id}, 'save_png', [])")

    def show(self, options: dict[str, Any], sheet: Sheet, summary: str) -> None:
        """Draw newer data."""
        self._sheet = sheet
        self._summary.set_text(summary)
        self.chart.show(options)

    def _download(self) -> None:
        ui.download.content(self._sheet.csv(), f"{self._filename}.csv", "text/csv")


def _dressed(element: Any, classes: str, attributes: dict[str, Any]) -> Any:
    if classes:
        element.classes(classes)
    for name, value in attributes.items():
        element._props[name.rstrip("_").replace("_", "-")] = value
    return element
