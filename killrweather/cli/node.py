"""``killrweather node``: one guardian node."""

from typing import Annotated
from urllib.parse import quote

import typer

from killrweather.cli.completions import list_of, nodes
from killrweather.cli.options import ConfigFiles, HomeDirectory, HttpPort, environment
from killrweather.cli.output import say
from killrweather.settings import ALL_ROLES

app = typer.Typer(help="Run one guardian node of a cluster.", no_args_is_help=True)


@app.command()
def leave(
    name: Annotated[str, typer.Argument(help="The node's name.", autocompletion=nodes)],
    config: ConfigFiles = None,
    home: HomeDirectory = None,
) -> int:
    """Have a node shut down gracefully and stay down; one that is Down is taken out of the list.

    Any node of the cluster may be asked. What it does goes on elsewhere, if another node has its roles.

    Example: `killrweather node leave node-2`
    """
    with environment(config, home).client() as client:
        done = client.post(f"/cluster/members/{quote(name, safe='')}/leave", b"")
    return say(done["task"])


@app.command()
def start(
    name: Annotated[str | None, typer.Option(help="The node's name.", show_default="the host's name")] = None,
    roles: Annotated[
        str | None, typer.Option(help=",".join(ALL_ROLES), show_default="all", autocompletion=list_of(*ALL_ROLES))
    ] = None,
    http_port: HttpPort = None,
    restarts: Annotated[int, typer.Option(hidden=True, help="How often it was started again before.")] = 0,
    config: ConfigFiles = None,
    home: HomeDirectory = None,
) -> int:
    """Run one guardian node on the configured Kafka and Cassandra until SIGTERM or Ctrl-C.

    A second signal ends it at once.

    Example: `killrweather node start --roles feed,query --config conf/cluster.yaml`
    """
    import socket
    from secrets import token_hex

    from killrweather.actorsystem import host
    from killrweather.messages.cluster import NodeIdentity

    flags = {"node.name": name, "node.roles": roles.split(",") if roles else None, "http.port": http_port}
    found = environment(config, home, flags)
    own_name = found.settings.node.name or socket.gethostname()
    identity = NodeIdentity(own_name, f"{own_name}-{token_hex(4)}")
    return host.run(found.settings, found.home, identity, restarts=restarts)
