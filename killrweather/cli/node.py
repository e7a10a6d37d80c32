"""``killrweather node``: one guardian node."""

from typing import Annotated

import typer

from killrweather.cli.options import ConfigFiles, HomeDirectory, HttpPort, environment

app = typer.Typer(help="Run one guardian node of a cluster.", no_args_is_help=True)


@app.command()
def start(
    name: Annotated[str | None, typer.Option(help="The node's name.", show_default="the host's name")] = None,
    roles: Annotated[str | None, typer.Option(help="feed,stream,query,analytics,alerts", show_default="all")] = None,
    http_port: HttpPort = None,
    restarts: Annotated[int, typer.Option(hidden=True, help="How often it was started again before.")] = 0,
    config: ConfigFiles = None,
    home: HomeDirectory = None,
) -> int:
    """Run one guardian node on the configured Kafka and Cassandra until SIGTERM or Ctrl-C.

    A second signal ends it at once.

    Example: `killrweather node start --roles feed,query --config conf/cluster.yaml`
    """
    from killrweather.actorsystem import host

    flags = {"node.name": name, "node.roles": roles.split(",") if roles else None, "http.port": http_port}
    found = environment(config, home, flags)
    return host.run(found.settings, found.home, restarts=restarts)
