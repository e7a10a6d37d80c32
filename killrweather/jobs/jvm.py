"""The JVM that Spark's driver lives in: started directly, and never left behind.

``spark-submit`` would start a second JVM to work out the command line (0.6 s) and hides the process behind a shell.
"""

import os
import signal
import subprocess
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import pyspark
from pyspark.java_gateway import read_int
from pyspark.serializers import UTF8Deserializer

from killrweather.errors import ServiceError
from killrweather.processes import LOOPBACK, die_with_parent
from killrweather.services.java import NO_SPAWN_HELPER

# What spark-submit adds on Java 17 (org.apache.spark.launcher.JavaModuleOptions).
_OPENED = (
    "java.base/java.lang",
    "java.base/java.lang.invoke",
    "java.base/java.lang.reflect",
    "java.base/java.io",
    "java.base/java.net",
    "java.base/java.nio",
    "java.base/java.util",
    "java.base/java.util.concurrent",
    "java.base/java.util.concurrent.atomic",
    "java.base/jdk.internal.ref",
    "java.base/sun.nio.ch",
    "java.base/sun.nio.cs",
    "java.base/sun.security.action",
    "java.base/sun.util.calendar",
    "java.security.jgss/sun.security.krb5",
)

_LOG4J = """\
rootLogger.level = {level}
rootLogger.appenderRef.file.ref = file
appender.file.type = RollingFile
appender.file.name = file
appender.file.fileName = {log}
appender.file.filePattern = {log}.%i
appender.file.layout.type = PatternLayout
appender.file.layout.pattern = %d{{yyyy-MM-dd'T'HH:mm:ss.SSS}}{{UTC}}Z %p %c{{1}}: %m%n%ex
appender.file.policies.type = SizeBasedTriggeringPolicy
appender.file.policies.size = 10MB
appender.file.strategy.type = DefaultRolloverStrategy
appender.file.strategy.max = 3
"""


def class_path(jars: Sequence[Path]) -> list[Path]:
    """pyspark's own jars, then those that it does not bring; of two versions of one artifact pyspark's counts."""
    own = sorted((Path(pyspark.__file__).parent / "jars").glob("*.jar"))
    artifacts = {_artifact(jar) for jar in own}
    return [*own, *sorted(jar for jar in jars if _artifact(jar) not in artifacts)]


class Jvm:
    """A JVM with Spark's gateway that ends with this process, however that ends.

    Its stdin closes then, and on Linux the kernel kills it. Make one in the main thread and before any other thread:
    the kernel watches the thread that forked. ``address`` is where Spark listens, None for that of the host's name.
    """

    def __init__(
        self,
        java: Path,
        jars: Sequence[Path],
        heap: str,
        scratch: Path,
        log: Path,
        level: str,
        address: str | None = LOOPBACK,
        options: Sequence[str] = (),
    ):
        log4j = scratch / "log4j2.properties"
        log4j.write_text(_LOG4J.format(level=level, log=log), encoding="utf-8")
        self._log = log
        self._is_unwanted = False
        self._answer = scratch / f"gateway.{os.getpid()}"
        self._answer.unlink(missing_ok=True)
        command = [
            str(java),
            *options,
            *jvm_flags(heap),
            f"-Dlog4j2.configurationFile={log4j}",
            f"-Djava.io.tmpdir={scratch}",
        ]
        command += ["-cp", os.pathsep.join(map(str, class_path(jars)))]
        command += ["org.apache.spark.api.python.PythonGatewayServer"]
        environment = {"_PYSPARK_DRIVER_CONN_INFO_PATH": str(self._answer), "JAVA_HOME": str(java.parent.parent)}
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                command,
                cwd=scratch,
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                env={**os.environ, **environment, **({"SPARK_LOCAL_IP": address} if address else {})},
                preexec_fn=_end_with_parent,
            )

    @property
    def pid(self) -> int:
        """The JVM's process."""
        return self._process.pid

    def attach(self) -> None:
        """Wait until it answers and point pyspark at it: the next session of this process runs there.

        Raises ``ServiceError`` when the JVM ends before that.
        """
        while not self._answer.exists():  # the JVM renames the finished file to this name
            try:
                code = self._process.wait(timeout=0.02)
            except subprocess.TimeoutExpired:
                continue
            raise ServiceError(f"Spark's JVM ended with code {code} before it answered; see the end of {self._log}")
        with self._answer.open("rb") as file:
            port, secret = read_int(file), UTF8Deserializer().loads(file)
        self._answer.unlink()
        os.environ.update(PYSPARK_GATEWAY_PORT=str(port), PYSPARK_GATEWAY_SECRET=secret)

    def on_death(self, tell: Callable[[int], None]) -> None:
        """Call ``tell`` with its exit code, from another thread, when it ends without ``kill``."""

        def wait() -> None:
            code = self._process.wait()
            if not self._is_unwanted:
                tell(code)

        threading.Thread(target=wait, name="jvm", daemon=True).start()

    def kill(self) -> None:
        """End it at once; what it was doing can be done again."""
        self._is_unwanted = True
        self._process.kill()
        self._process.wait()


def jvm_flags(heap: str) -> list[str]:
    """The options of the driver's JVM."""
    return [
        f"-Xmx{heap}",
        "-XX:+UseSerialGC",
        # Compile for speed later than by default: a stream runs much code a few thousand times, and the optimizing
        # compiler took more of the cores than it saved.
        "-XX:Tier4InvocationThreshold=25000",
        "-XX:Tier4MinInvocationThreshold=3000",
        "-XX:Tier4CompileThreshold=75000",
        "-XX:Tier4BackEdgeThreshold=200000",
        "-XX:+ExitOnOutOfMemoryError",
        NO_SPAWN_HELPER,
        "-XX:+IgnoreUnrecognizedVMOptions",
        *(f"--add-opens={package}=ALL-UNNAMED" for package in _OPENED),
        "-Djdk.reflect.useDirectMethodHandle=false",
        "-Duser.timezone=UTC",
        "-Djava.net.preferIPv4Stack=true",
    ]


def _artifact(jar: Path) -> str:
    """``kafka-clients`` of ``kafka-clients-3.4.1.jar``: the name before the first part that begins with a digit."""
    parts = jar.stem.split("-")
    return "-".join(parts[: next((i for i, part in enumerate(parts) if part[:1].isdigit()), len(parts))])


def _end_with_parent() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    die_with_parent(signal.SIGKILL)
