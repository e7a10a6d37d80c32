"""A job's process, seen from its actor: no process is started."""

import asyncio
from itertools import accumulate, chain, repeat

from killrweather.home import Home
from killrweather.jobs import process
from killrweather.jobs.process import JobProcess
from killrweather.settings import Node, Settings
from killrweather.waking_clock import WakingClock


def test_a_suspension_of_the_watcher_is_no_silence_of_the_job(tmp_path, monkeypatch):
    """Its pipe was read by nobody; after that the job has its time to be heard."""
    gaps = chain([0.0, 0.0, 3600.0], repeat(0.01))
    readings = accumulate(gaps)
    monkeypatch.setattr(process, "WakingClock", lambda limit_s: WakingClock(limit_s, readings.__next__))
    limits = {"services": {"start_timeout_s": 0.04}, "node": Node(ping_interval_s=0.01, hung_after_s=0.04)}
    stream = JobProcess("stream", Settings.model_validate(limits), Home(tmp_path))

    reason = asyncio.run(stream.silence())

    assert reason == "it gave no sign of life for 0 s and was killed"
    assert 3600.03 < next(readings) < 3600.06
