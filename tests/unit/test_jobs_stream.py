"""The stream's life between its orders; Spark, Kafka and Cassandra are ours to play."""

import threading
from types import SimpleNamespace

import pytest

from killrweather.errors import TopicChanged, Unavailable
from killrweather.home import Home
from killrweather.jobs import patience
from killrweather.jobs.events import DISOWN, OWN, ReplayOrder
from killrweather.jobs.stream import Stream
from killrweather.settings import Settings
from killrweather.storage.progress import Position

POSITIONS = {0: Position(1, 0)}
LIMIT_S = 10.0


class Query:
    """A query that runs until it is stopped, or until its micro-batch raises."""

    def __init__(self, take):
        self.take, self.error, self.was_stopped = take, None, False
        self._end = threading.Event()

    @property
    def isActive(self):
        return not self._end.is_set()

    def micro_batch(self, number):
        """As Spark calls it; what it raises ends the query."""
        try:
            self.take(None, number)
        except Exception as error:
            self.error = RuntimeError(f"StreamingQueryException: {error}")
            self._end.set()

    def awaitTermination(self):
        self._end.wait()

    def exception(self):
        return self.error

    def stop(self):
        self.was_stopped = True
        self._end.set()


class Batch:
    """A micro-batch in which the test has something happen."""

    def __init__(self, happen):
        self.happen, self.numbers = happen, []

    def run(self, rows, number):
        self.numbers.append(number)
        self.happen()


class Staged(Stream):
    """A stream that is told what the test wants, and tells it in ``told``."""

    def __init__(self, home, happen=lambda stream: None):
        self.told, self.is_told = [], threading.Condition()
        super().__init__(Settings(), home, SimpleNamespace(tell=self._tell))
        self.queries, self.batch, self.orders = [], Batch(lambda: happen(self)), []
        self._thread = threading.Thread(target=self.work, args=(None, None), daemon=True)

    def __enter__(self):
        self.hear(OWN)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self.stop()
        self._thread.join(LIMIT_S)

        assert not self._thread.is_alive()

    def wait_for(self, *events):
        """Until these were told last, in this order."""
        with self.is_told:
            seen = self.is_told.wait_for(lambda: tuple(self.told[-len(events) :]) == events, LIMIT_S)

        assert seen, f"expected {events}, told {self.told}"

    def _tell(self, event, **fields):
        with self.is_told:
            self.told.append(event)
            self.is_told.notify_all()

    def _rehearse(self, spark, session):
        raise AssertionError("it has its order")

    def _take_over(self, session, order):
        self.orders.append(order)
        self.was_watched = self.patience.trying_since is not None
        self._require_ownership()
        return SimpleNamespace(newest=None), POSITIONS

    def _micro_batch(self, spark, session, progress, positions):
        return self.batch

    def _query(self, batch, take, **trigger):
        self.queries.append(Query(take))
        return self.queries[-1]


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch):
    monkeypatch.setattr(patience, "_LONGEST_DELAY_S", 0.01)


@pytest.fixture
def home(tmp_path):
    return Home(tmp_path)


def test_a_stream_that_is_disowned_stops_its_query_and_stands_by(home):
    """Owned again it begins another one."""
    with Staged(home) as stream:
        stream.wait_for("standby", "started")
        stream.hear(DISOWN)
        stream.wait_for("started", "standby")
        stream.hear(OWN)
        stream.wait_for("standby", "started")

    assert [query.was_stopped for query in stream.queries] == [True, False]


def test_kafka_may_take_its_time_while_the_stream_takes_over(home):
    """Each of its servers has a time-out, and no Spark job runs meanwhile."""
    with Staged(home) as stream:
        stream.wait_for("standby", "started")

    assert not stream.was_watched


@pytest.mark.parametrize("error", [Unavailable("Kafka does not answer"), TopicChanged("2 partitions, expected 1")])
def test_a_stream_that_is_disowned_while_it_waits_stands_by(home, error):
    """What it waited for is no longer its concern, and /ready does not name it."""

    def fail(stream):
        stream.hear(DISOWN)
        raise error

    with Staged(home, fail) as stream:
        stream.wait_for("standby", "started")
        stream.queries[0].micro_batch(1)

        stream.wait_for("started", "waiting", "standby")


def test_a_replay_heard_after_the_order_to_leave_is_dropped(home):
    """The next owner has its own, and this stream would set back progress weeks later."""
    with Staged(home) as stream:
        stream.wait_for("standby", "started")
        stream.hear(DISOWN)
        stream.wait_for("started", "standby")
        stream.hear(ReplayOrder("a", {0: 0}).dump())
        stream.hear(OWN)
        stream.wait_for("standby", "started")

    assert stream.orders == [None, None]


def test_a_replay_heard_before_the_order_to_leave_is_dropped(home):
    """Both came during a micro-batch."""
    with Staged(home) as stream:
        stream.wait_for("standby", "started")
        with stream._batch:
            stream.hear(ReplayOrder("a", {0: 0}).dump())
            stream.hear(DISOWN)
        stream.wait_for("started", "standby")
        stream.hear(OWN)
        stream.wait_for("standby", "started")

    assert stream.orders[-1] is None


def test_a_micro_batch_that_comes_after_the_order_to_leave_ends_its_query(home):
    """Spark would count it as done, and the query go on behind it if this stream were the owner again at once."""
    with Staged(home) as stream:
        stream.wait_for("standby", "started")
        take = stream.queries[0].take

        def take_between_two_orders(rows, number):
            stream._owning.clear()
            try:
                take(rows, number)
            finally:
                stream._owning.set()

        stream.queries[0].take = take_between_two_orders
        stream.queries[0].micro_batch(1)
        stream.wait_for("standby", "started", "started")

    assert stream.batch.numbers == []
    assert len(stream.queries) == 2
