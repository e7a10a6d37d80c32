"""Why a Cassandra that is there does not let us in."""

from cassandra import AuthenticationFailed
from cassandra.cluster import NoHostAvailable

from killrweather.errors import Refused
from killrweather.services.probe import cassandra_answers
from killrweather.settings import Cassandra, Settings
from killrweather.tls import client_context, handshake_problem, speaks_tls

SECTION = "cassandra.tls"


def refusal(error: BaseException, settings: Settings) -> Refused | None:
    """What a failed connection means that another try would not mend, found by asking each node; None where it may."""
    errors = error.errors if isinstance(error, NoHostAvailable) and isinstance(error.errors, dict) else {"": error}
    is_login = any(isinstance(cause, AuthenticationFailed) for cause in errors.values())
    port = settings.cassandra.port
    for host in settings.cassandra_hosts:
        why = _login(settings.cassandra) if is_login else _certificates(host, settings.cassandra)
        if why:
            return Refused(f"Cassandra at {host} port {port}: {why}")
    return None


def _login(cassandra: Cassandra) -> str:
    if cassandra.username is None:
        return "it demands a login: expected cassandra.username and cassandra.password, found neither"
    return f'it refuses user "{cassandra.username}": expected another cassandra.username or cassandra.password'


def _certificates(host: str, cassandra: Cassandra) -> str | None:
    port, tls = cassandra.port, cassandra.tls
    if tls.enabled:
        context = client_context(SECTION, tls.ca_file, tls.certificate, tls.key)
        if problem := handshake_problem(SECTION, host, port, context):
            return problem
        if not speaks_tls(host, port) and cassandra_answers(host, port):
            return f"it speaks no TLS: expected false as {SECTION}.enabled, found true"
    elif not cassandra_answers(host, port) and speaks_tls(host, port):
        return f"it demands TLS: expected true as {SECTION}.enabled, found false"
    return None
