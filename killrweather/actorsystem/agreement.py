"""What the nodes of a cluster must agree on: the settings that decide where data goes and who may ask."""

import hashlib
from collections.abc import Mapping
from functools import cache

from killrweather.settings import Settings

DIGEST = "scrypt:"
"""How the digest of a secret begins: the group's metadata is readable by whoever reads Kafka."""

_COST, _BLOCK, _PARALLEL = 2**14, 8, 1


def agreed(settings: Settings) -> Mapping[str, str]:
    """The settings that must be the same on all nodes, by key, as text; secrets as a slow digest."""
    kafka, cassandra = settings.kafka, settings.cassandra
    token = settings.http.token.get_secret_value() if settings.http.token else None
    return {
        "kafka.topic.raw": kafka.topic.raw,
        "kafka.topic.rejected": kafka.topic.rejected,
        "kafka.group_id": kafka.group_id,
        "cassandra.keyspace": cassandra.keyspace,
        "cassandra.local_dc": cassandra.local_dc,
        "cassandra.ttl.raw_s": str(cassandra.ttl.raw_s),
        "http.token": _digest(token, settings.node.group) if token else "nothing",
    }


@cache
def _digest(secret: str, salt: str) -> str:
    digest = hashlib.scrypt(secret.encode(), salt=salt.encode(), n=_COST, r=_BLOCK, p=_PARALLEL, dklen=16)
    return f"{DIGEST}{digest.hex()}"
