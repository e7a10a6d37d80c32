"""The clock of a process that can be stepped while it runs: put this file's directory first in PYTHONPATH.

Python imports it at every start. The wall clock (``time.time``, ``time.time_ns``) and with it the kernel's boot time,
as psutil tells it, are ahead by the seconds in the file that KW_CHAOS_CLOCK names; ``datetime.now`` is not.
"""

import mmap
import os
import struct
import time

from psutil import _pslinux

_time, _time_ns, _boot_time = time.time, time.time_ns, _pslinux.boot_time

with open(os.environ["KW_CHAOS_CLOCK"], "rb") as _file:
    # A map needs no further file, so that a process that may open none still knows the time.
    _offset = mmap.mmap(_file.fileno(), struct.calcsize("d"), prot=mmap.PROT_READ)


def _ahead_s() -> float:
    return struct.unpack("d", _offset)[0]


time.time = lambda: _time() + _ahead_s()
time.time_ns = lambda: _time_ns() + int(_ahead_s() * 1e9)
_pslinux.boot_time = lambda: _boot_time() + _ahead_s()
