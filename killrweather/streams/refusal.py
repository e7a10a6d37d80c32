"""Why brokers that are there do not let us in, or not do what we have to: what another try would not mend."""

import asyncio
from contextlib import suppress

from aiokafka.conn import AIOKafkaConnection, create_conn
from aiokafka.errors import (
    AuthenticationFailedError,
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    IllegalSaslStateError,
    KafkaError,
    SaslAuthenticationFailed,
    TopicAuthorizationFailedError,
    UnsupportedSaslMechanismError,
    UnsupportedVersionError,
)
from aiokafka.protocol.admin import SaslHandShakeRequest
from aiokafka.protocol.metadata import MetadataRequest

from killrweather.errors import Refused
from killrweather.settings import Settings
from killrweather.streams.connection import SECTION, security_options
from killrweather.tls import client_context, handshake_problem, speaks_tls

_PATIENCE_S = 3.0
_NO_LOGIN = (IllegalSaslStateError, UnsupportedVersionError)
_NEEDED = (0, UnsupportedSaslMechanismError.errno)
"""What a broker that demands a login answers to the first question of one."""


_ALLOWED: dict[type[BaseException], tuple[str, str]] = {
    TopicAuthorizationFailedError: ("topic {}", "Create, Describe, Read and Write"),
    GroupAuthorizationFailedError: ("group {} (node.group)", "Read"),
    ClusterAuthorizationFailedError: ("the cluster", "Create and IdempotentWrite"),
}
FORBIDDEN = tuple(_ALLOWED)
"""What aiokafka raises when an ACL is missing."""


def forbidden(settings: Settings, error: BaseException) -> Refused | None:
    """The refusal that a missing ACL stands for, naming the topic or group; None for any other error."""
    if not isinstance(error, FORBIDDEN):
        return None
    what, operations = _ALLOWED[type(error)]
    about = error.args[0] if error.args else "?"
    username = settings.kafka.security.username
    who = f'user "{username}"' if username else "this client"
    used = what.format(about if isinstance(about, str) else ", ".join(sorted(about)))
    servers = ", ".join(settings.kafka_servers)
    return Refused(f"Kafka at {servers}: {who} may not use {used}: expected ACLs that allow {operations}")


async def refusal(settings: Settings) -> Refused | None:
    """Why brokers do not let us in, found by trying each once more; None where there is no such thing.

    aiokafka itself says only that it could not bootstrap.
    """
    found = await asyncio.gather(*(_refusal_of(settings, server) for server in settings.kafka_servers))
    return next((refused for refused in found if refused), None)


async def _refusal_of(settings: Settings, server: str) -> Refused | None:
    host, _, port = server.rpartition(":")
    with suppress(asyncio.TimeoutError):
        if why := await asyncio.wait_for(_why(settings, host.strip("[]"), int(port)), _PATIENCE_S):
            return Refused(f"Kafka at {server}: {why}")
    return None


async def _why(settings: Settings, host: str, port: int) -> str | None:
    security = settings.kafka.security
    try:
        await _exchange(host, port, settings)
    except (SaslAuthenticationFailed, AuthenticationFailedError):
        return f'it refuses user "{security.username}": expected another {SECTION}.username or {SECTION}.password'
    except UnsupportedSaslMechanismError:
        return f"it does not know {SECTION}.mechanism {security.mechanism}: expected one that the broker has enabled"
    except _NO_LOGIN:
        return f"it knows no login here: expected {'SSL' if security.has_tls else 'PLAINTEXT'}{_instead(settings)}"
    except (KafkaError, OSError, asyncio.TimeoutError):
        return await _mismatch(settings, host, port)
    return None


async def _exchange(host: str, port: int, settings: Settings) -> None:
    connection = await create_conn(host, port, **security_options(settings))
    try:
        await connection.send(MetadataRequest([]))
    finally:
        connection.close()


async def _mismatch(settings: Settings, host: str, port: int) -> str | None:
    """Why a broker hangs up on us: by its certificate or ours, or because it speaks something else."""
    security = settings.kafka.security
    if security.has_tls:
        context = client_context(SECTION, security.ca_file, security.certificate, security.key)
        if problem := await asyncio.to_thread(handshake_problem, SECTION, host, port, context):
            return problem
    is_tls = await asyncio.to_thread(speaks_tls, host, port)
    if is_tls and not security.has_tls:
        return f"it demands TLS: expected {'SASL_SSL' if security.has_login else 'SSL or SASL_SSL'}{_instead(settings)}"
    if security.has_tls and not is_tls and await _is_plain(host, port):
        return f"it speaks no TLS: expected {security.protocol.replace('SSL', 'PLAINTEXT')}{_instead(settings)}"
    if not security.has_login and await _demands_login(settings, host, port):
        expected = "SASL_SSL" if security.has_tls else "SASL_PLAINTEXT"
        return f"it demands a login: expected {expected}{_instead(settings)}"
    return None


async def _is_plain(host: str, port: int) -> bool:
    try:
        (await create_conn(host, port)).close()
    except (KafkaError, OSError, asyncio.TimeoutError):
        return False
    return True


async def _demands_login(settings: Settings, host: str, port: int) -> bool:
    connection: AIOKafkaConnection | None = None
    try:
        connection = await create_conn(host, port, **security_options(settings))
        answer = await connection.send(SaslHandShakeRequest("PLAIN"))
    except (KafkaError, OSError, asyncio.TimeoutError):
        return False
    finally:
        if connection is not None:
            connection.close()
    return answer.error_code in _NEEDED


def _instead(settings: Settings) -> str:
    return f" as {SECTION}.protocol, found {settings.kafka.security.protocol}"
