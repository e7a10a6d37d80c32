"""How this system connects to Kafka."""

import ssl
from typing import Any

from killrweather.errors import ConfigurationError
from killrweather.settings import Settings


def client_options(settings: Settings) -> dict[str, Any]:
    """The options that every aiokafka client of this system shares."""
    kafka, security = settings.kafka, settings.kafka.security
    options: dict[str, Any] = {
        "bootstrap_servers": list(settings.kafka_servers),
        "client_id": "killrweather",
        "request_timeout_ms": int(kafka.request_timeout_s * 1000),
        "security_protocol": security.protocol,
    }
    if security.protocol.endswith("SSL"):
        try:
            options["ssl_context"] = ssl.create_default_context(cafile=security.ca_file and str(security.ca_file))
        except (OSError, ssl.SSLError) as error:
            text = f"kafka.security.ca_file {security.ca_file}: {error}; expected a PEM file"
            raise ConfigurationError(text) from error
    if security.protocol.startswith("SASL"):
        options |= {
            "sasl_mechanism": security.mechanism,
            "sasl_plain_username": security.username,
            "sasl_plain_password": security.password.get_secret_value() if security.password else None,
        }
    return options
