"""TLS as a client: which authorities are trusted, which certificate is shown, and why a server is not spoken to."""

import socket
import ssl
from pathlib import Path

from killrweather.errors import ConfigurationError

_PROBE_S = 2.0
_OBJECTION_S = 0.5
_NOT_TLS = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "UNKNOWN_PROTOCOL", "RECORD_LAYER_FAILURE")


def client_context(
    section: str, ca_file: Path | None, certificate: Path | None = None, key: Path | None = None
) -> ssl.SSLContext:
    """The context of a client that trusts one authority, or else the public ones; servers' names are checked.

    ``section`` is where the settings stand, for errors. Raises ConfigurationError that names setting and file.
    """
    try:
        context = ssl.create_default_context(cafile=ca_file and str(ca_file))
    except (OSError, ssl.SSLError) as error:
        raise _unusable(f"{section}.ca_file {ca_file}", error, "a PEM file with certificates") from None
    if certificate:
        try:
            # Without a function for it, OpenSSL asks for a key's passphrase on the terminal.
            context.load_cert_chain(str(certificate), str(key), password=lambda: "")
        except (OSError, ssl.SSLError) as error:
            expected = "PEM files of a certificate and its key, which has no passphrase"
            raise _unusable(f"{section}.certificate {certificate}, {section}.key {key}", error, expected) from None
    return context


def handshake_problem(section: str, host: str, port: int, context: ssl.SSLContext) -> str | None:
    """What is wrong with a certificate, of the server's or ours, in words; None where nothing is, or nobody answers."""
    try:
        with (
            socket.create_connection((host, port), _PROBE_S) as connection,
            context.wrap_socket(connection, server_hostname=host) as secured,
        ):
            # In TLS 1.3 a server that does not like our certificate says so after the client's handshake is done.
            secured.settimeout(_OBJECTION_S)
            secured.recv(1)
    except ssl.SSLCertVerificationError as error:
        reason = error.verify_message.rstrip(".")
        return f"its certificate is not accepted: {reason}; expected one that {section}.ca_file vouches for"
    except ssl.SSLError as error:
        if "ALERT" in (error.reason or ""):
            return f"it does not accept our certificate ({error.reason}); expected another {section}.certificate"
    except OSError:
        return None
    return None


def speaks_tls(host: str, port: int) -> bool:
    """Whether a server begins a handshake, whatever comes of it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # asked whether, not who
    try:
        with (
            socket.create_connection((host, port), _PROBE_S) as connection,
            context.wrap_socket(connection, server_hostname=host),
        ):
            return True
    except ssl.SSLEOFError:
        return False
    except ssl.SSLError as error:
        return error.reason not in _NOT_TLS
    except OSError:
        return False


def _unusable(what: str, error: Exception, expected: str) -> ConfigurationError:
    reason = (isinstance(error, OSError) and error.strerror) or error
    return ConfigurationError(f"{what}: {reason}; expected {expected}")
