"""``killrweather down``: stop what ``up`` started."""

import os
import signal
import time
from typing import Annotated

import typer

from killrweather.cli.options import ConfigFiles, HomeDirectory, environment
from killrweather.cli.output import NOTES, say
from killrweather.errors import KillrWeatherError


def run(
    timeout: Annotated[float, typer.Option(help="Seconds to wait for the end.")] = 120.0,
    config: ConfigFiles = None,
    home: HomeDirectory = None,
) -> int:
    """Stop in order: feed closed, Kafka flushed, stream stopped after its batch, node left, services stopped.

    Example: `killrweather down`
    """
    from killrweather.launcher import running_launcher

    found = environment(config, home)
    pid = running_launcher(found.home)
    if pid is None:
        return say(f"nothing runs in {found.home.path}")
    start = time.monotonic()
    os.kill(pid, signal.SIGTERM)
    with NOTES.status("stopping: feed, Kafka's records, stream, node, services"):
        while running_launcher(found.home) == pid:
            if time.monotonic() - start > timeout:
                raise KillrWeatherError(
                    f"pid {pid} still runs after {timeout:g} s; see {found.home.log('up')},"
                    " or end it at once by running this again"
                )
            time.sleep(0.1)
    return say(f"stopped in {time.monotonic() - start:.1f} s")
