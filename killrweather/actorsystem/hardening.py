"""Thespian 4.0.1's TCP base made safe: loopback only, signed messages, and nothing but messages in them.

As it comes, it listens on every interface and unpickles whatever arrives: one crafted message runs any code.
Here a message without this system's signature is dropped unread, and a signed one holds only classes of the
allow-list. The patches are module globals, set before the system starts: its processes are forks.
"""

import hashlib
import hmac
import io
import os
import pickle
from collections.abc import Sequence
from typing import Any

from thespian.system.transport import TCPTransport, asyncTransportBase
from thespian.system.transport.IPBase import IPActorAddress
from thespian.system.transport.streamBuffer import ReceiveBuffer, ackDataErrMsg, ackDataErrPacket, ackMsg, ackPacket

from killrweather.actorsystem.credit import WINDOW
from killrweather.processes import LOOPBACK

ALLOWED = ("thespian.", "killrweather.", "datetime.", "decimal.", "uuid.", "collections.", "logging.", "pathlib.")
_BUILTINS = frozenset(["set", "frozenset", "bytearray", "complex", "range", "slice", "object"])
_EXACT = frozenset(
    [
        ("copyreg", "_reconstructor"),
        ("socket", "AddressFamily"),
        ("socket", "SocketKind"),
        ("pydantic.types", "SecretStr"),
        *(("builtins", name) for name in _BUILTINS),
    ]
)
MAX_MESSAGE_BYTES = 64 * 1024 * 1024
_LENGTH_DIGITS = 19
_HANGING_RECEIVERS = 16
_SIGNATURE = hashlib.sha256().digest_size
_CONTROL = {
    packed.split(b">", 1)[1]: packet for packed, packet in ((ackMsg, ackPacket), (ackDataErrMsg, ackDataErrPacket))
}


class _MessageUnpickler(pickle.Unpickler):
    def __init__(self, data: bytes, allowed: Sequence[str]):
        super().__init__(io.BytesIO(data))
        self._allowed = tuple(allowed)

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in _EXACT:
            return super().find_class(module, name)
        if f"{module}.".startswith(self._allowed) and "." not in name:
            found = super().find_class(module, name)
            # Only the module's own classes: not its functions, nor what it imports.
            if isinstance(found, type) and found.__module__.split(".")[0] == module.split(".")[0]:
                return found
        raise pickle.UnpicklingError(f"{module}.{name} is not allowed in a message")


class SignedPickle:
    """Thespian's serializer: HMAC-SHA256 with the system's key, then the pickle."""

    def __init__(self, key: bytes, allowed: Sequence[str] = ALLOWED):
        self._key, self._allowed = key, allowed

    def dumps(self, value: Any) -> bytes:
        """The signed bytes of a message."""
        data = pickle.dumps(value, protocol=5)
        return hmac.digest(self._key, data, "sha256") + data

    def loads(self, packed: bytes) -> Any:
        """The message in signed bytes; UnpicklingError for anything else."""
        if packed in _CONTROL:  # Thespian makes its two acknowledgements when it is imported, unsigned
            return _CONTROL[packed]
        signature, data = packed[:_SIGNATURE], packed[_SIGNATURE:]
        if not hmac.compare_digest(hmac.digest(self._key, data, "sha256"), signature):
            raise pickle.UnpicklingError("a message without this system's signature")
        return _MessageUnpickler(data, self._allowed).load()


def serializer() -> SignedPickle:
    """The one that ``harden`` has set for this system."""
    return TCPTransport.serializer


class _BoundedBuffer(ReceiveBuffer):
    """Gives up on what is no message or too long a one: the transport then closes the connection.

    Thespian's own collects bytes without end until a ``>`` comes, and a negative length ends its process.
    """

    def addMore(self, buf: bytes) -> None:
        super().addMore(buf)
        if self._size is None and len(self._buf) > _LENGTH_DIGITS:
            raise ValueError("no length where a message begins")
        if self._size is not None and not 0 <= self._size <= MAX_MESSAGE_BYTES:
            raise ValueError(f"a message of {self._size} bytes; at most {MAX_MESSAGE_BYTES} are allowed")


def harden(key: bytes, also_allowed: Sequence[str] = ()) -> None:
    """Patch Thespian before an ActorSystem starts; ``also_allowed`` are further module prefixes, each with its dot."""
    TCPTransport.serializer = SignedPickle(key, (*ALLOWED, *also_allowed))
    os.environ["THESPIAN_BASE_IPADDR"] = LOOPBACK
    IPActorAddress.bindArgs = property(lambda self: ((self.sockname[0], self.bindname[1]),))
    TCPTransport.ReceiveBuffer = _BoundedBuffer
    TCPTransport.REUSE_SOCKETS = False
    # All of an actor's sends share this many slots, 20 as it comes: one receiver that hangs would soon hold them all,
    # and the actor could speak to nobody. Now this many may hang, each with its whole credit unsent.
    asyncTransportBase.MAX_PENDING_TRANSMITS = _HANGING_RECEIVERS * WINDOW
