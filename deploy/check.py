"""For probes: exit code 0 when this container's node answers /alive or /ready with 200, else 1 with the reason.

    python check.py alive|ready

It takes the port, the token and whether there is TLS from the node's environment, and needs the standard library only,
because a probe runs every few seconds.
"""

import http.client
import os
import ssl
import sys

TIMEOUT_S = 4.0


def main(path: str) -> int:
    """Ask once."""
    port = os.environ.get("KILLRWEATHER_HTTP_PORT", "8080")
    host = os.environ.get("KILLRWEATHER_HTTP_HOST", "127.0.0.1")
    host = "127.0.0.1" if host in ("0.0.0.0", "::") else host  # noqa: S104 - compared, not listened on
    has_tls = bool(os.environ.get("KILLRWEATHER_HTTP_TLS_CERTIFICATE"))
    token = os.environ.get("KILLRWEATHER_HTTP_TOKEN")
    door = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    # The certificate names the node, not the address that is asked here; nothing leaves this container.
    context = ssl._create_unverified_context() if has_tls else None  # noqa: S323
    connection: http.client.HTTPConnection = (
        http.client.HTTPSConnection(door, timeout=TIMEOUT_S, context=context)
        if has_tls
        else http.client.HTTPConnection(door, timeout=TIMEOUT_S)
    )
    try:
        connection.request("GET", f"/{path}", headers=headers)
        answer = connection.getresponse()
        text = answer.read(2_000).decode(errors="replace")
    except (OSError, http.client.HTTPException) as error:
        print(f"/{path}: {error}")
        return 1
    finally:
        connection.close()
    if answer.status != 200:
        print(f"/{path}: {answer.status} {text}")
        return 1
    return 0


if __name__ == "__main__":
    if sys.argv[1:] not in (["alive"], ["ready"]):
        sys.exit(f"{' '.join(sys.argv[1:])}: expected alive or ready")
    sys.exit(main(sys.argv[1]))
