"""CQL and SQL: whatever a request brings is bound as a parameter, never written into a statement."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2]
_STATEMENT = re.compile(r"\b(SELECT|INSERT INTO|UPDATE|DELETE|CREATE|ALTER|DROP|TRUNCATE|BEGIN \w+ ?BATCH|USE)\b")
_FILLERS = {"format", "replace", "substitute"}
_TEXT_OF_SQL = {"expr", "selectExpr", "sql"}

REVIEWED = {
    ("jobs/by_driver.py", "wsid"): "a name of a column of ours",
    ("jobs/by_driver.py", "', '.join(values)"): "names of columns of ours",
    ("jobs/by_driver.py", "table"): "a name of a table of ours",
    ("jobs/by_driver.py", "where"): "names of columns of ours and question marks",
    ("jobs/by_driver.py", "t.name"): "a name of a table of ours",
    ("jobs/by_driver.py", "', '.join(t.columns)"): "names of columns of ours",
    ("jobs/by_driver.py", "_marks(t)"): "question marks",
    ("jobs/by_driver.py", "inserts * keys"): "the statements of the two lines above",
    ("jobs/records.py", "ttl_s"): "a number of the configuration",
    ("storage/aggregates.py", "', '.join(columns)"): "names of columns of ours",
    ("storage/aggregates.py", "table"): "a name of a table of ours",
    ("storage/aggregates.py", "key"): "names of columns of ours",
    ("storage/aggregates.py", "value"): "question marks",
    ("storage/aggregates.py", "', '.join((f'{one} ASC' for one in keys))"): "names of columns of ours",
    ("storage/journal.py", "settings.cassandra.ttl.journal_s"): "a number of the configuration",
    ("storage/raw.py", "columns"): "names of columns of ours",
    ("storage/schema.py", "settings.cassandra.keyspace"): "a name of the configuration, held to letters and digits",
    ("storage/stations.py", "_COLUMNS"): "names of columns of ours",
}
"""Everything that is written into a statement, and why that is no text of a user's. Look twice before adding to it."""


def modules() -> list[Path]:
    return [path for folder in ("killrweather", "actors") for path in sorted((SOURCE / folder).rglob("*.py"))]


def written_into_statements(tree: ast.AST) -> Iterator[str]:
    """The expressions that f-strings, ``%``, ``+`` and ``format`` put into statements."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") in _TEXT_OF_SQL:
            for given in node.args:
                yield from ([] if isinstance(given, ast.Constant) else _parts(given))
        elif isinstance(node, ast.JoinedStr) and _is_statement(node):
            yield from _parts(node)
        elif isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Mod)):
            sides = (node.left, node.right)
            if any(_is_statement(side) for side in sides):
                yield from (ast.unparse(side) for side in sides if not isinstance(side, (ast.Constant, ast.JoinedStr)))
        elif (
            isinstance(node, ast.Call) and getattr(node.func, "attr", "") in _FILLERS and _is_statement(node.func.value)
        ):
            yield ast.unparse(node)


def _parts(node: ast.AST) -> list[str]:
    if not isinstance(node, ast.JoinedStr):
        return [ast.unparse(node)]
    return [ast.unparse(part.value) for part in node.values if isinstance(part, ast.FormattedValue)]


def _is_statement(node: ast.AST) -> bool:
    texts = [part for part in ast.walk(node) if isinstance(part, ast.Constant) and isinstance(part.value, str)]
    return any(_STATEMENT.search(text.value) for text in texts) and isinstance(node, (ast.Constant, ast.JoinedStr))


def test_only_what_was_reviewed_is_written_into_a_statement():
    """Names of our own tables and columns, numbers of the configuration; no value that came with a request."""
    found = {
        (path.relative_to(SOURCE).as_posix().removeprefix("killrweather/"), part)
        for path in modules()
        for part in written_into_statements(ast.parse(path.read_text()))
    }

    assert found == set(REVIEWED)


@pytest.mark.parametrize(
    "code",
    [
        "session.execute(f\"SELECT a FROM t WHERE wsid = '{wsid}'\")",
        "session.execute(\"SELECT a FROM t WHERE wsid = '%s'\" % wsid)",
        'session.execute("SELECT a FROM t WHERE wsid = " + wsid)',
        'session.execute("DELETE FROM t WHERE wsid = {}".format(wsid))',
        "spark.sql(wsid)",
        'rows.where(F.expr(f"wsid = {wsid}"))',
    ],
)
def test_a_value_in_a_statement_would_be_seen(code):
    """Whichever way it is put there."""
    assert any("wsid" in part for part in written_into_statements(ast.parse(code)))
