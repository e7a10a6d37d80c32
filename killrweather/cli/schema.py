"""``killrweather schema``: the tables."""

import typer

from killrweather.cli.options import ConfigFiles, HomeDirectory, environment
from killrweather.cli.output import reader_may_leave, say

app = typer.Typer(help="Create or show the tables.", no_args_is_help=True)


@app.command()
def apply(config: ConfigFiles = None, home: HomeDirectory = None) -> None:
    """Create the keyspace and the tables that are missing; drops nothing, and may be run as often as you like.

    Example: `killrweather schema apply`
    """
    from killrweather.storage import schema, session

    settings = environment(config, home).settings
    opened = session.connect(settings)
    try:
        schema.apply(opened, settings)
    finally:
        session.close(opened)
    say(f"keyspace {settings.cassandra.keyspace} is there with all its tables")


@app.command()
def show(config: ConfigFiles = None, home: HomeDirectory = None) -> None:
    """Print the statements with the configured keyspace and replication.

    Example: `killrweather schema show > schema.cql`
    """
    from killrweather.storage import schema

    statements = schema.statements(environment(config, home).settings)
    with reader_may_leave():
        for statement in statements:
            print(f"{statement.rstrip().rstrip(';')};\n")
