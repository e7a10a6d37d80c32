"""Rows and questions that go on while something happens to the nodes, by clients with all their addresses."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import cycle

import pandas as pd
from nodes import PATIENCE_S, patiently
from weather_files import as_csv

from killrweather.client import Client, LoadProgress
from killrweather.feed.reader import Piece

ROWS_A_BODY = 100


class _Running:
    """Something that a thread does until the context ends; what went wrong is raised there."""

    def __init__(self, urls: Sequence[str], name: str):
        self._urls = list(urls)
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._guarded, name=name, daemon=True)
        self.failure: Exception | None = None

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._ending.set()
        self._thread.join(timeout=PATIENCE_S)
        if kind is None:
            assert not self._thread.is_alive(), f"{self._thread.name} did not end"
            if self.failure:
                raise self.failure

    def _guarded(self) -> None:
        try:
            self.work()
        except Exception as error:
            self.failure = error

    def work(self) -> None:
        raise NotImplementedError


class RunningLoad(_Running):
    """A load that goes on until the context ends, from the first row again after the last; then all of it is stored."""

    def __init__(self, urls: Sequence[str], rows: pd.DataFrame, pause_s: float = 0.1):
        super().__init__(urls, "load")
        self._rows, self._pause_s = rows, pause_s
        self._sent = self.acknowledged = 0
        """Rows, each as often as it was sent."""
        self.longest_s = 0.0
        """The longest time between two acknowledgements."""

    @property
    def truth(self) -> pd.DataFrame:
        """The rows that were acknowledged."""
        return self._rows.iloc[: self.acknowledged]

    def wait_for(self, more: int) -> None:
        """Wait until so many rows more are acknowledged."""
        goal = self.acknowledged + more
        patiently(lambda: self.failure or self.acknowledged >= goal)
        assert self.failure is None, self.failure

    def work(self) -> None:
        with Client(self._urls) as client:
            last = time.monotonic()

            def report(progress: LoadProgress) -> None:
                nonlocal last
                self.acknowledged = progress.read
                self.longest_s, last = max(self.longest_s, time.monotonic() - last), time.monotonic()

            result = client.feed(self._pieces(), report)
            assert (result.accepted, result.rejected) == (self._sent, 0)
            client.wait_until_stored(result)

    def _pieces(self) -> Iterator[Piece]:
        for begin in cycle(range(0, len(self._rows), ROWS_A_BODY)):
            if self._ending.wait(self._pause_s):
                return
            part = self._rows.iloc[begin : begin + ROWS_A_BODY]
            self._sent += len(part)
            yield Piece("load", "csv", begin + 1, as_csv(part), None, None, ())


class RunningQuestions(_Running):
    """A question that is asked again and again; each is asked once, and must be answered as expected."""

    def __init__(self, urls: Sequence[str], ask: Callable[[Client], None], pause_s: float = 0.1):
        super().__init__(urls, "questions")
        self._ask, self._pause_s = ask, pause_s
        self.answered = 0
        self.longest_s = 0.0

    def work(self) -> None:
        with Client(self._urls, question_patience_s=0.0) as client:
            while not self._ending.wait(self._pause_s):
                start = time.monotonic()
                self._ask(client)
                self.answered += 1
                self.longest_s = max(self.longest_s, time.monotonic() - start)
