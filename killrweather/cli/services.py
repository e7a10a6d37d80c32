"""``killrweather services``: the embedded Kafka and Cassandra alone."""

import signal
import time
from dataclasses import asdict

from killrweather.cli.arguments import Commands
from killrweather.cli.options import ConfigFiles, HomeDirectory, environment
from killrweather.cli.output import Output, say
from killrweather.cli.tables import heading, print_table
from killrweather.cli.up import _reporting as reporting

app = Commands(help="The embedded Kafka and Cassandra, without a node.", no_args_is_help=True)


@app.command()
def fetch(config: ConfigFiles = None, home: HomeDirectory = None) -> None:
    """Fetch and check the jars that are not there yet, and make the archives of classes that let a JVM start sooner.

    Example: `killrweather services fetch`
    """
    from killrweather.jobs.jvm import class_path
    from killrweather.services import ensure, find_java
    from killrweather.services.archive import ClassArchive, make_all
    from killrweather.services.jars import jars_root

    found = environment(config, home)
    with reporting() as report:
        sets = {name: ensure(name, found.home, found.settings, report) for name in ("cassandra", "kafka", "spark")}
        class_paths = sets | {"spark": class_path(sets["spark"])}
        java, root = find_java(found.settings), jars_root(found.home, found.settings)
        failures = make_all([ClassArchive(name, java, jars, root) for name, jars in class_paths.items()], report)
    for failure in failures:
        say(f"{failure}; everything runs without it, and starts later")
    say(f"{sum(map(len, sets.values()))} jars are there and checked")


@app.command()
def start(config: ConfigFiles = None, home: HomeDirectory = None) -> int:
    """Run Kafka and Cassandra until Ctrl-C or `killrweather services stop`.

    Example: `killrweather services start`
    """
    from killrweather.services import Embedded

    found = environment(config, home)
    embedded = Embedded(found.settings, found.home)
    signals: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, frame: signals.append(number))
    try:
        with reporting() as report:
            embedded.start(report)
        say("Kafka and Cassandra are ready (Ctrl-C stops them)")
        while not signals:
            embedded.watch()
            time.sleep(0.2)
    finally:
        embedded.stop()
    return 0


@app.command()
def stop(config: ConfigFiles = None, home: HomeDirectory = None) -> int:
    """Stop what `killrweather services start` runs, or all of what `killrweather up` runs.

    Example: `killrweather services stop`
    """
    from killrweather.processes import PidFile, end

    found = environment(config, home)
    process = PidFile(found.home.run("services.pid")).process()
    if process is None:
        return say(f"no services run in {found.home.path}")
    end(process, 2 * found.settings.services.stop_timeout_s)
    return say("stopped")


@app.command()
def status(*, output: Output, config: ConfigFiles = None, home: HomeDirectory = None) -> None:
    """Which services run, where, and how often they were restarted.

    Example: `killrweather services status`
    """
    from killrweather.services import Embedded

    found = environment(config, home)
    services = Embedded(found.settings, found.home).status()
    columns = list(asdict(services[0]))
    rows = [list(asdict(one).values()) for one in services]
    output.print(services, lambda: print_table(rows, list(map(heading, columns))))
