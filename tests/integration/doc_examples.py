"""The Python examples of a page, run one after the other in one namespace, as a reader would."""

import contextlib
import io
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from killrweather.client import Client

ROOT = Path(__file__).parents[2]
NODE = "http://127.0.0.1:8080"
REPORTING = "999990:00003"
"""A station that reports all the time, as the page about events expects one."""

_BLOCK = re.compile(r"^```python\n(.*?)^```\n(?:\n```text\n(.*?)^```\n)?", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Example:
    """A fenced block of Python, and what the page says that it prints; None where it says nothing."""

    place: str
    code: str
    output: str | None


def examples_of(page: str) -> list[Example]:
    """The examples of a page, in their order."""
    text = (ROOT / page).read_text(encoding="utf-8")
    return [
        Example(f"{page}:{text.count(chr(10), 0, found.start()) + 1}", *found.groups())
        for found in _BLOCK.finditer(text)
    ]


def assert_examples_are_true(page: str, url: str) -> None:
    """Run them against the node at this address; what they print is what the page says."""
    examples, names = examples_of(page), {"__name__": "examples"}
    assert examples, page
    for example in examples:
        printed = run(example.code.replace(NODE, url), example.place, names)

        assert example.output in (None, printed), f"{example.place} printed:\n{printed}"


def run(code: str, place: str, names: dict[str, Any]) -> str:
    """What a block prints."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(code, place, "exec"), names)
    return printed.getvalue()


@contextlib.contextmanager
def reporting_station(url: str) -> Iterator[None]:
    """A station that reports the same hour a few times a second, until the context ends."""
    ending = threading.Event()

    def report() -> None:
        with Client(url) as client:
            while not ending.wait(0.3):
                client.feed([{"wsid": REPORTING, "timestamp": "2024-02-29T13:00:00Z", "temperature": 21.5}])

    thread = threading.Thread(target=report, name="reporting station", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ending.set()
        thread.join(60)
        assert not thread.is_alive()
