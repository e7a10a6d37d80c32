"""A session with Cassandra: how this system connects, and how an asyncio loop waits for a statement."""

import asyncio
import errno
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from cassandra import ConsistencyLevel, InvalidRequest, OperationTimedOut, ProtocolVersion, RequestExecutionException
from cassandra.auth import PlainTextAuthProvider
from cassandra.cluster import (
    EXEC_PROFILE_DEFAULT,
    Cluster,
    ExecutionProfile,
    NoHostAvailable,
    ResponseFuture,
    Session,
    UnresolvableContactPoints,
)
from cassandra.connection import ConnectionException
from cassandra.policies import (
    ConstantReconnectionPolicy,
    ConstantSpeculativeExecutionPolicy,
    DCAwareRoundRobinPolicy,
    TokenAwarePolicy,
)
from cassandra.pool import NoConnectionsAvailable
from cassandra.protocol import IsBootstrappingErrorMessage, OverloadedErrorMessage, ServerError
from cassandra.query import PreparedStatement, Statement, tuple_factory

from killrweather.errors import SchemaMissing, Unavailable
from killrweather.settings import Cassandra, Settings
from killrweather.storage.refusal import SECTION, refusal
from killrweather.tls import client_context

T = TypeVar("T")

_PASSING = (
    NoHostAvailable,
    OperationTimedOut,
    RequestExecutionException,  # time-outs, failures and missing replicas that a node reports
    IsBootstrappingErrorMessage,
    OverloadedErrorMessage,
    ServerError,
    NoConnectionsAvailable,
    ConnectionException,
    OSError,
)

_LOCAL = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.ENOMEM, errno.EMFILE, errno.ENFILE)
"""A list of the network's would not do: the driver's time-out of a connection has no number, one of TLS a wrong one."""

_AS_TUPLES = "tuples"
"""The driver's own rows are named tuples, and it makes a new class for every answer: a sixth of an actor's work."""

_SECOND_TRY_S = 1.0
"""s until a statement that has no answer goes to another node too: one that hangs is not known to be away yet."""

_HEARTBEAT_S, _HEARTBEAT_TIMEOUT_S = 5, 10
"""s between two, and until one counts as lost: a node that hangs is asked no more after 15 s, not a minute."""

RECONNECT_S = 1.0
"""s between attempts to reach a node that went away: a question asked 2 s after its return is answered."""


def connect(settings: Settings) -> Session:
    """Open a session; its statements read and write at LOCAL_QUORUM. Close it with ``close(session)``.

    Raises ``Unavailable`` when no node answers, ``Refused`` when one does and does not let us in, and
    ``ConfigurationError`` for bad TLS files.
    """
    cassandra, tls = settings.cassandra, settings.cassandra.tls
    auth = None
    if cassandra.username is not None:
        password = cassandra.password.get_secret_value() if cassandra.password else ""
        auth = PlainTextAuthProvider(cassandra.username, password)
    try:
        cluster = Cluster(
            list(settings.cassandra_hosts),
            port=cassandra.port,
            protocol_version=ProtocolVersion.V5,  # of Cassandra 4 and 5; finding it out costs three connections
            auth_provider=auth,
            ssl_context=client_context(SECTION, tls.ca_file, tls.certificate, tls.key) if tls.enabled else None,
            execution_profiles={
                EXEC_PROFILE_DEFAULT: _profile(cassandra),
                _AS_TUPLES: _profile(cassandra, row_factory=tuple_factory),
            },
            reconnection_policy=ConstantReconnectionPolicy(RECONNECT_S, max_attempts=None),
            connect_timeout=cassandra.request_timeout_s,
            idle_heartbeat_interval=_HEARTBEAT_S,
            idle_heartbeat_timeout=_HEARTBEAT_TIMEOUT_S,
        )
    except UnresolvableContactPoints as error:
        raise Unavailable(
            f"cassandra.contact_points {', '.join(settings.cassandra_hosts)}: no address is known of any of these "
            "names, expected hosts of a cluster; correct the names, or mend the name service"
        ) from error
    try:
        return cluster.connect(wait_for_all_pools=True)
    except Exception as error:
        cluster.shutdown()
        if refused := refusal(error, settings):
            raise refused from None
        raise away(error, settings) or error from error


def connect_to_keyspace(settings: Settings, prepare_all: Callable[[Session], T]) -> T:
    """Open a session in the configured keyspace and return what ``prepare_all`` makes of it with its statements.

    Raises ``Unavailable``, or ``SchemaMissing`` if only the schema is away; then no session is left open.
    """
    session = connect(settings)
    try:
        session.set_keyspace(settings.cassandra.keyspace)
        return prepare_all(session)
    except Exception as error:
        close(session)
        if isinstance(error, InvalidRequest):
            raise SchemaMissing(
                f"keyspace {settings.cassandra.keyspace}: {error.args[0]}; run: killrweather schema apply"
            ) from error
        raise away(error, settings) or error from error


def _profile(cassandra: Cassandra, **options: Any) -> ExecutionProfile:
    return ExecutionProfile(
        load_balancing_policy=TokenAwarePolicy(DCAwareRoundRobinPolicy(local_dc=cassandra.local_dc)),
        consistency_level=ConsistencyLevel.LOCAL_QUORUM,
        serial_consistency_level=ConsistencyLevel.LOCAL_SERIAL,
        request_timeout=cassandra.request_timeout_s,
        speculative_execution_policy=ConstantSpeculativeExecutionPolicy(_SECOND_TRY_S, max_attempts=2),
        **options,
    )


def close(session: Session) -> None:
    """Close the session and the threads and sockets that ``connect`` opened for it."""
    session.cluster.shutdown()


def run(
    session: Session, statement: Statement | str, values: Sequence[Any] = (), timeout_s: float | None = None
) -> Any:
    """Execute a statement and wait for its rows; raises ``Unavailable`` when Cassandra is away.

    Without ``timeout_s`` it may take ``cassandra.request_timeout_s``.
    """
    try:
        return session.execute(statement, values or None, **({"timeout": timeout_s} if timeout_s else {}))
    except Exception as error:
        raise away(error) or error from error


def prepare(session: Session, statement: str) -> PreparedStatement:
    """Prepare a statement; raises ``Unavailable`` when Cassandra is away."""
    try:
        return session.prepare(statement)
    except Exception as error:
        raise away(error) or error from error


def begin(session: Session, statement: Statement | str, values: Sequence[Any] = ()) -> ResponseFuture:
    """Start a statement; ``result`` waits for its rows, which are tuples.

    It may be done twice, by two nodes, so it must not be a lightweight transaction: those are for ``run``.
    """
    if isinstance(statement, Statement | PreparedStatement):
        statement.is_idempotent = True
    return session.execute_async(statement, values or None, execution_profile=_AS_TUPLES)


def result(future: ResponseFuture) -> Any:
    """The rows of a statement that runs already; raises ``Unavailable`` when Cassandra is away."""
    try:
        return future.result()
    except Exception as error:
        raise away(error) or error from error


async def execute(session: Session, statement: Statement | str, values: Sequence[Any] = ()) -> list[Any]:
    """Execute a statement without blocking the loop and return all its rows as tuples, page by page.

    Raises ``Unavailable`` when Cassandra is away. A cancelled wait leaves the statement running.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[list[Any]] = loop.create_future()
    found: list[Any] = []

    def succeed() -> None:
        if not done.done():
            done.set_result(found)

    def fail(error: Exception) -> None:
        if not done.done():
            done.set_exception(error)

    def add_page(rows: list[Any] | None) -> None:
        found.extend(rows or ())
        if response.has_more_pages:
            response.start_fetching_next_page()
        else:
            loop.call_soon_threadsafe(succeed)

    try:
        response = begin(session, statement, values)
        response.add_callbacks(add_page, lambda error: loop.call_soon_threadsafe(fail, error))
        return await done
    except Exception as error:
        raise away(error) or error from error


async def execute_all(
    session: Session, statement: Statement, many_values: Iterable[Sequence[Any]], concurrency: int = 64
) -> None:
    """Execute a statement for each of many values, ``concurrency`` at a time; the first error ends it."""
    values = iter(many_values)

    async def worker() -> None:
        for one in values:
            await execute(session, statement, one)

    await asyncio.gather(*(worker() for _ in range(concurrency)))


def away(error: BaseException, settings: Settings | None = None) -> Unavailable | None:
    """What the driver's error means for the caller: ``Unavailable`` when another try may succeed, else None."""
    if isinstance(error, NoHostAvailable):
        causes = list(error.errors.values()) if isinstance(error.errors, dict) else []
        if causes and not any(_is_away(cause) for cause in causes):
            return None
    elif not _is_away(error):
        return None
    where = f" at {', '.join(settings.cassandra_hosts)} port {settings.cassandra.port}" if settings else ""
    return Unavailable(f"Cassandra{where} does not answer: {error}; is it running?")


def _is_away(error: BaseException) -> bool:
    """Refused or lost connections, time-outs and missing replicas pass; a wrong password or statement does not.

    Nor does an error of a file or of this machine, which is an OSError like those of the network.
    """
    is_local = isinstance(error, OSError) and (error.filename is not None or error.errno in _LOCAL)
    return isinstance(error, _PASSING) and not is_local
