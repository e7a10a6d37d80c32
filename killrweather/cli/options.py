"""Arguments that commands share, and what becomes of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from killrweather.home import Home

if TYPE_CHECKING:
    from killrweather.client import Client
    from killrweather.configuration import Configuration
    from killrweather.settings import Settings

ConfigFiles = Annotated[
    list[Path] | None,
    typer.Option("--config", help="A YAML file over conf/killrweather.yaml; may be repeated, later wins."),
]
HomeDirectory = Annotated[
    Path | None,
    typer.Option("--home", help="The state directory.", envvar="KILLRWEATHER_HOME", show_default=".killrweather"),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
AsCsv = Annotated[bool, typer.Option("--csv", help="Print the result as CSV; the columns are JSON's fields.")]
HttpPort = Annotated[int | None, typer.Option("--http-port", help="Listen here instead of http.port.")]


@dataclass(frozen=True)
class Environment:
    """What a command works with: the checked configuration and the state directory."""

    configuration: "Configuration"
    home: Home
    files: tuple[Path, ...]

    @property
    def settings(self) -> "Settings":
        return self.configuration.settings

    @property
    def url(self) -> str:
        """Where this configuration's node answers."""
        http = self.settings.http
        host = "127.0.0.1" if http.host in ("0.0.0.0", "::") else http.host  # noqa: S104 - compared, not listened on
        return f"{http.scheme}://{f'[{host}]' if ':' in host else host}:{http.port}"

    def client(self, url: str | None = None, **options: Any) -> "Client":
        """A client of this configuration's nodes, or of the one at this address; it asks a question once."""
        from killrweather.client import Client

        http = self.settings.http
        token = http.token.get_secret_value() if http.token else None
        urls = [url] if url else self.settings.client.nodes or [self.url]
        return Client(urls, token, ca_file=http.tls.ca_file, **{"question_patience_s": 0.0, **options})


def environment(
    config: Sequence[Path] | None, home: Path | None, flags: Mapping[str, Any] | None = None
) -> Environment:
    """Read the configuration; ``flags`` whose value is None were not given. Raises ConfigurationError."""
    from killrweather.configuration import load_configuration

    given = {key: value for key, value in (flags or {}).items() if value is not None}
    files = tuple(path.absolute() for path in config or ())
    return Environment(load_configuration(files, given), Home.find(home), files)
