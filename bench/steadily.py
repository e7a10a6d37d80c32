"""Other rows that arrive all the while that something is measured."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator

ROWS_A_SECOND, POSTS_A_SECOND = 500, 5
STATIONS = 500
_SETTLING_S = 20
"""Until compilers have seen the rows come, and no backlog of the first ones is left."""


@contextlib.contextmanager
def steadily(send: Callable[[threading.Event], None]) -> Iterator[None]:
    """Let ``send`` run until the event is set; what is measured begins when the rows have been arriving for a while."""
    stop = threading.Event()
    thread = threading.Thread(target=send, args=(stop,))
    thread.start()
    time.sleep(_SETTLING_S)
    try:
        yield
    finally:
        stop.set()
        thread.join()


def fleet(number: int) -> Iterator[str]:
    """The lines of one post: an hour of a fifth of the fleet; each station reports once a second."""
    share, hour = number % POSTS_A_SECOND, number // POSTS_A_SECOND
    for station in range(STATIONS // POSTS_A_SECOND):
        wsid = f"{500_000 + share * 100 + station}:00001"
        moment = f"2021,{1 + hour // 672 % 12:02},{1 + hour // 24 % 28:02},{hour % 24:02}"
        yield f"{wsid},{moment},11.5,2.5,1013.2,180,3.1,4,0.5,\n"
