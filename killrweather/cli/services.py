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
    """Fetch and check the jars that are not there yet.

    Example: `killrweather services fetch`
    """
    from killrweather.services import ensure

    found = environment(config, home)
    with reporting() as report:
        sets = [ensure(name, found.home, found.settings, report) for name in ("cassandra", "kafka", "spark")]
    say(f"{sum(map(len, sets))} jars are there and checked")


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
