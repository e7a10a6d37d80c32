"""The tables of ``schema.cql``: made where they are missing, checked where they are there, never dropped."""

import re
from string import Template

from cassandra.cluster import Session

from killrweather.errors import ConfigurationError
from killrweather.model.sky import SKY_CONDITIONS
from killrweather.resources import resource
from killrweather.settings import Settings
from killrweather.storage.session import run

_CHANGE_TIMEOUT_S = 60.0
"""s that a change of the schema may take: every node of the cluster has to make it."""

_TABLE = re.compile(r"CREATE TABLE IF NOT EXISTS \S+?\.(\w+) \((.*?)\n\)", re.DOTALL)
_COLUMN = re.compile(r"^\s*([a-z_]+) ([a-z<>, ]+?)( STATIC| PRIMARY KEY)?,?$", re.MULTILINE)


def statements(settings: Settings) -> list[str]:
    """The statements of ``schema.cql`` in their order, for the configured keyspace and replication."""
    replication = "{" + ", ".join(f"'{k}': '{v}'" for k, v in settings.cassandra.replication.items()) + "}"
    lines = resource("schema.cql").read_text(encoding="utf-8").splitlines()
    text = "\n".join(line for line in lines if not line.lstrip().startswith("--"))
    filled = Template(text).substitute(keyspace=settings.cassandra.keyspace, replication=replication)
    return [statement.strip() for statement in filled.split(";") if statement.strip()]


def columns(settings: Settings) -> dict[str, dict[str, str]]:
    """Each table of ``schema.cql`` with its columns and their types."""
    return {
        match[1]: {column[1]: column[2] for column in _COLUMN.finditer(match[2])}
        for statement in statements(settings)
        for match in [_TABLE.match(statement)]
        if match
    }


def apply(session: Session, settings: Settings) -> None:
    """Create what is missing and fill the sky conditions; run it as often as you like, from one place at a time.

    Raises ``ConfigurationError`` when a table of that name is there with other columns, and ``Unavailable``
    when Cassandra is away.
    """
    for statement in statements(settings):
        run(session, statement, timeout_s=_CHANGE_TIMEOUT_S)
    _verify(session, settings)
    insert = session.prepare(
        f"INSERT INTO {settings.cassandra.keyspace}.sky_condition_lookup (code, condition) VALUES (?, ?)"
    )
    for sky in SKY_CONDITIONS:
        run(session, insert, (sky.code, sky.text))


def _verify(session: Session, settings: Settings) -> None:
    keyspace = settings.cassandra.keyspace
    rows = run(
        session,
        "SELECT table_name, column_name, type FROM system_schema.columns WHERE keyspace_name = %s",
        (keyspace,),
    )
    found = {(row.table_name, row.column_name): row.type for row in rows}
    for table, expected in columns(settings).items():
        for column, kind in expected.items():
            actual = found.get((table, column))
            if actual != kind:
                state = "has no such column" if actual is None else f"has it as {actual}"
                raise ConfigurationError(
                    f"cassandra.keyspace {keyspace}: column {column} {kind} is expected in table {table}, "
                    f"which {state}; use another keyspace, or add the column by hand"
                )
