"""How this system connects to Kafka."""

from typing import Any

from killrweather.settings import Settings
from killrweather.tls import client_context

SECTION = "kafka.security"


def client_options(settings: Settings) -> dict[str, Any]:
    """The options that every aiokafka client of this system shares; raises ConfigurationError for bad TLS files."""
    return {
        "bootstrap_servers": list(settings.kafka_servers),
        "client_id": "killrweather",
        "request_timeout_ms": int(settings.kafka.request_timeout_s * 1000),
        **security_options(settings),
    }


def security_options(settings: Settings) -> dict[str, Any]:
    """The part of the options that says who we are and whom we trust."""
    security = settings.kafka.security
    options: dict[str, Any] = {"security_protocol": security.protocol}
    if security.has_tls:
        options["ssl_context"] = client_context(SECTION, security.ca_file, security.certificate, security.key)
    if security.has_login:
        options |= {
            "sasl_mechanism": security.mechanism,
            "sasl_plain_username": security.username,
            "sasl_plain_password": security.password.get_secret_value() if security.password else None,
        }
    return options
