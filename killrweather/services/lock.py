"""Make the lock files ``conf/services/*.jars`` anew: ``python -m killrweather.services.lock [SET…]``.

For whoever raises a version below. Ivy resolves each set's roots with all that they need; this takes a minute a set.
"""

import hashlib
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from killrweather.errors import KillrWeatherError, ServiceError
from killrweather.services.ivy import Ivy, ivy_jar
from killrweather.services.java import find_java
from killrweather.services.locked import SETS, Jar
from killrweather.settings import Settings

ROOTS = {
    # Kafka's server logs through SLF4J 1.7 and names no implementation of it.
    "kafka": ("org.apache.kafka:kafka_2.13:4.3.1", "org.apache.logging.log4j:log4j-slf4j-impl:2.25.4"),
    "cassandra": ("org.apache.cassandra:cassandra-all:5.0.9",),
    "spark": (
        "com.datastax.spark:spark-cassandra-connector_2.12:3.5.1",
        "org.apache.spark:spark-sql-kafka-0-10_2.12:3.5.7",
    ),
}


def resolve(set_name: str, ivy: Ivy, directory: Path) -> list[Jar]:
    """The jars of a set, sorted, with the versions that Ivy chose where two roots disagree."""
    dependencies = [
        '<dependency org="{}" name="{}" rev="{}" conf="default->default"/>'.format(*root.split(":"))
        for root in ROOTS[set_name]
    ]
    # Some jars call themselves bundles: guava, snakeyaml and snappy would be missing without that type.
    pattern = f"{directory}/[organisation]![module]![revision]!([classifier]).[ext]"
    arguments = ["-types", "jar", "bundle", "-retrieve", pattern]
    command = ivy.command(set_name, dependencies, poms=True, arguments=arguments)
    answer = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if answer.returncode != 0:
        raise ServiceError(f"{set_name}: Ivy could not resolve {', '.join(ROOTS[set_name])}:\n{answer.stdout}")
    return sorted(_jar(path) for path in directory.glob("*.jar"))


def without_sparks_own(jars: list[Jar]) -> list[Jar]:
    """Leave out what pyspark ships in the same or a newer version: Spark's loader asks its own jars first anyway.

    Scala's own library is always Spark's: two patch levels of it in one JVM would not fit Spark's compiler.
    """
    shipped = {path.name.removesuffix(".jar") for path in ivy_jar().parent.glob("*.jar")}

    def is_shipped(jar: Jar) -> bool:
        versions = [name.removeprefix(f"{jar.module}-") for name in shipped if name.startswith(f"{jar.module}-")]
        newest = max((_order(version) for version in versions if version[:1].isdigit()), default=())
        return bool(newest) and (newest >= _order(jar.revision) or jar.organisation == "org.scala-lang")

    return [jar for jar in jars if not is_shipped(jar)]


def _order(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version))


def _jar(path: Path) -> Jar:
    organisation, module, revision, classifier = path.name.removesuffix(".jar").split("!")
    content = path.read_bytes()
    return Jar(organisation, module, revision, classifier, hashlib.sha256(content).hexdigest(), len(content))


def main(sets: list[str]) -> None:
    """Write the lock files of these sets, or of all."""
    settings = Settings()
    destination = Path(__file__).resolve().parents[2] / "conf" / "services"
    for set_name in sets or SETS:
        with tempfile.TemporaryDirectory() as scratch:
            ivy = Ivy(find_java(settings), Path(scratch))
            jars = resolve(set_name, ivy, Path(scratch) / "jars")
        if set_name == "spark":
            jars = without_sparks_own(jars)
        lines = [
            f"# {' '.join(ROOTS[set_name])}, made by python -m killrweather.services.lock",
            *(j.line for j in jars),
        ]
        (destination / f"{set_name}.jars").write_text("\n".join(lines) + "\n", encoding="utf-8")
        print(f"{set_name}: {len(jars)} jars, {sum(jar.size for jar in jars):,} bytes")


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except KillrWeatherError as error:
        sys.exit(str(error))
