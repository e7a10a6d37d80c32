"""Lock files pin each jar to its version, SHA-256 and size."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from killrweather.errors import ServiceError
from killrweather.services.locked import SETS, Jar, locked_jars, parse_lock

names = st.text("aZ09_.-", min_size=1, max_size=8)
jars = st.builds(
    Jar,
    organisation=names,
    module=names,
    revision=names,
    classifier=st.one_of(st.just(""), names),
    sha256=st.integers(0, 2**256 - 1).map("{:064x}".format),
    size=st.integers(0, 10**9),
)


@given(st.lists(jars))
def test_what_is_written_is_read_back(content):
    """A lock file's lines are the jars, with and without a classifier."""
    assert parse_lock("# comment\n" + "".join(f"{jar.line}\n" for jar in content), "x.jars") == content


@pytest.mark.parametrize("line", ["a:b", f"a:b:1 {'g' * 64} 1", f"a:b:1 {'0' * 64}", f"a:b:1:c:d {'0' * 64} 1"])
def test_a_line_that_is_none_is_named(line):
    """The error has the file, the line's number and text."""
    with pytest.raises(ServiceError, match=r"x\.jars, line 2: .*expected organisation:module:revision"):
        parse_lock(f"# comment\n{line}\n", "x.jars")


@pytest.mark.parametrize("set_name", SETS)
def test_the_shipped_lock_files_are_whole(set_name):
    """Each set can be read, and no two of its jars would have the same file."""
    content = locked_jars(set_name)

    assert content
    assert len({jar.file_name for jar in content}) == len(content)


@pytest.mark.parametrize(
    ("set_name", "coordinate"),
    [
        ("kafka", "org.apache.kafka:kafka_2.13:4.3.1"),
        ("cassandra", "org.apache.cassandra:cassandra-all:5.0.9"),
        ("cassandra", "com.google.guava:guava:32.0.1-jre"),
        ("spark", "com.datastax.spark:spark-cassandra-connector_2.12:3.5.1"),
        ("spark", "org.apache.spark:spark-sql-kafka-0-10_2.12:3.5.7"),
    ],
)
def test_a_set_has_what_it_is_for(set_name, coordinate):
    """The versions that the design decided on, bundles among them."""
    assert coordinate in {str(jar) for jar in locked_jars(set_name)}


def test_spark_keeps_its_own_jars():
    """What pyspark ships itself is not fetched a second time."""
    assert not {"scala-library", "slf4j-api", "hadoop-client-runtime"} & {jar.module for jar in locked_jars("spark")}
