"""Waiting with an eye on the keyboard."""

import os
import select
import sys
import termios
import time
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_QUIT = frozenset(b"qQ\x03\x04")
"""q, and the Ctrl-C and Ctrl-D of a terminal that sends them as characters."""


@contextmanager
def quit_key() -> Iterator[Callable[[float], bool]]:
    """Gives a wait of some seconds, true at once when q is pressed; without a keyboard it only waits.

    Meanwhile the terminal shows no key that is pressed; afterwards it is as it was.
    """
    if not sys.stdin.isatty():
        yield _just_wait
        return
    keyboard = sys.stdin.fileno()
    before = termios.tcgetattr(keyboard)
    try:
        tty.setcbreak(keyboard)
        yield _is_quit_pressed
    finally:
        termios.tcsetattr(keyboard, termios.TCSADRAIN, before)


def _is_quit_pressed(seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        if select.select([sys.stdin], [], [], left)[0]:
            pressed = os.read(sys.stdin.fileno(), 32)  # sys.stdin would keep what it read beyond the first key
            if not pressed or _QUIT & set(pressed):
                return True
    return False


def _just_wait(seconds: float) -> bool:
    time.sleep(seconds)
    return False
