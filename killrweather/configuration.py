"""How the configuration comes together: defaults < conf/killrweather.yaml < --config files < environment < flags.

Each value remembers where it came from, so that ``config show`` and every error can name the origin.
"""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, SecretStr, ValidationError

from killrweather.errors import ConfigurationError
from killrweather.resources import resource
from killrweather.settings import Settings

OLD_NAMES = {
    "CASSANDRA_SEEDS": "cassandra.contact_points",
    "KAFKA_HOSTS": "kafka.bootstrap_servers",
    "SPARK_MASTER": "spark.master",
    "CASSANDRA_AUTH_USERNAME": "cassandra.username",
    "CASSANDRA_AUTH_PASSWORD": "cassandra.password",
}
"""Names that older deployments set; they mean the key beside them."""

DEFAULT = "default"
_MASK = "********"


@dataclass(frozen=True)
class Configuration:
    """The checked settings, and for each key that was given, who gave it."""

    settings: Settings
    origins: Mapping[str, str]

    def shown(self) -> list[tuple[str, Any, str]]:
        """Every key with its value and origin, secrets masked, in the order of the model."""
        return [(key, value, self.origin(key)) for key, value in _leaves(self.settings)]

    def origin(self, key: str) -> str:
        """Where a key's value comes from: a file, an environment name, a flag or the default."""
        parts = key.split(".")
        names = (".".join(parts[:n]) for n in range(len(parts), 0, -1))
        return next((self.origins[name] for name in names if name in self.origins), DEFAULT)


def load_configuration(
    files: Sequence[Path] = (),
    flags: Mapping[str, Any] | None = None,
    environment: Mapping[str, str] | None = None,
) -> Configuration:
    """Merge all sources and check the result.

    ``flags`` maps keys such as ``http.port`` to values. Raises ConfigurationError that names
    the origin, the key, the value and what is allowed.
    """
    merged: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for path in [_own_file(), *files]:
        _merge(merged, _read(path), str(path), origins)
    for key, value, name in _environment(os.environ if environment is None else environment):
        _set(merged, key, value, name, origins)
    for key, value in (flags or {}).items():
        _set(merged, key, value, f"--{key.split('.')[-1].replace('_', '-')}", origins)
    for key in secret_keys():
        _read_secret(merged, key, origins)
    try:
        return Configuration(Settings.model_validate(merged), origins)
    except ValidationError as error:
        raise ConfigurationError(_explain(error, origins)) from None


def environment_name(key: str) -> str:
    """The environment variable of a key, for example ``KILLRWEATHER_HTTP_PORT`` of ``http.port``."""
    return "KILLRWEATHER_" + key.upper().replace(".", "_").replace("-", "_")


def keys(model: type[BaseModel] = Settings, prefix: str = "") -> Iterator[str]:
    """Every key of the configuration, for example ``http.port``; maps such as ``actors`` are one key."""
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from keys(kind, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}"


def secret_keys() -> list[str]:
    """The keys whose value may stand in a file of its own, which ``<key>_file`` names."""
    known = list(keys())
    return [key for key in known if f"{key}_file" in known]


def _read_secret(merged: dict[str, Any], key: str, origins: dict[str, str]) -> None:
    """Take a secret from its file, without the line's end."""
    section: Any = merged
    for part in key.split(".")[:-1]:
        section = section.get(part) if isinstance(section, dict) else None
    name = key.split(".")[-1]
    if not isinstance(section, dict) or not isinstance(section.get(f"{name}_file"), (str, Path)):
        return
    path, where = Path(section[f"{name}_file"]), f"{origins[f'{key}_file']}: {key}_file"
    if section.get(name) is not None:
        raise ConfigurationError(f"{where} and {key} ({origins[key]}) are both given, expected one of them")
    try:
        text = path.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise ConfigurationError(f"{where} {path}: {reason}, expected a file with nothing but the secret") from None
    if not text or "\n" in text:
        found = "several lines" if text else "empty"
        raise ConfigurationError(f"{where} {path}: {found}, expected a file with nothing but the secret")
    section[name] = text
    origins[key] = str(path)


def _own_file() -> Path:
    beside_us = Path("conf/killrweather.yaml").absolute()
    return beside_us if beside_us.is_file() else resource("conf/killrweather.yaml")


def _read(path: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigurationError(f"{path}: no such file; --config expects a YAML file") from None
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f" line {mark.line + 1}" if mark else ""
        raise ConfigurationError(f"{path}{where}: not YAML: {_without_values(error)}") from None
    if content is None:
        return {}
    if not isinstance(content, dict):
        kind = type(content).__name__
        raise ConfigurationError(f"{path}: a {kind}, expected a map of keys such as http: {{port: 8080}}")
    return content


def _without_values(error: Exception) -> str:
    """What is wrong with a file's form; what it quotes of the file may be the beginning of a password."""
    reason = re.sub(r"'[^']{2,}'", "a value", getattr(error, "problem", None) or type(error).__name__)
    return f"{reason}; a value that begins with a sign such as * & ! % @ needs quotes"


_WHOLE = {"cassandra.replication"}
"""Maps that a later source replaces instead of adding to them."""


def _merge(
    into: dict[str, Any], new: Mapping[str, Any], origin: str, origins: dict[str, str], prefix: str = ""
) -> None:
    for name, value in new.items():
        key = f"{prefix}{name}"
        if isinstance(value, dict) and key not in _WHOLE:
            branch = into.get(name)
            if not isinstance(branch, dict):
                branch = into[name] = {}
                origins.pop(key, None)
            _merge(branch, value, origin, origins, f"{key}.")
        else:
            into[name] = value
            origins[key] = origin


def _set(into: dict[str, Any], key: str, value: Any, origin: str, origins: dict[str, str]) -> None:
    nested: Any = value
    for part in reversed(key.split(".")):
        nested = {part: nested}
    _merge(into, nested, origin, origins)


def _environment(environment: Mapping[str, str]) -> Iterator[tuple[str, Any, str]]:
    names = {environment_name(key): key for key in keys()}
    for name, key in [*OLD_NAMES.items(), *names.items()]:
        text = environment.get(name)
        if text:
            yield key, _from_text(key, text, name), name


def _from_text(key: str, text: str, name: str) -> Any:
    """The value that an environment variable's text stands for; lists may be written with commas."""
    default = _default(key)
    if isinstance(default, tuple):
        return [part.strip() for part in text.strip("[]").split(",") if part.strip()]
    if isinstance(default, str) or key.endswith(("username", "_file")) or key in secret_keys():
        return text
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        raise ConfigurationError(f"{name}: {text!r} is not YAML, expected a value for {key}") from None


def _default(key: str) -> Any:
    value: Any = Settings()
    for part in key.split("."):
        value = getattr(value, part)
    return value


def _leaves(section: BaseModel, prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name in type(section).model_fields:
        value = getattr(section, name)
        if isinstance(value, BaseModel):
            yield from _leaves(value, f"{prefix}{name}.")
        elif isinstance(value, SecretStr):
            yield f"{prefix}{name}", _MASK
        elif isinstance(value, dict) and all(isinstance(item, BaseModel) for item in value.values()):
            for inner, item in value.items():
                yield f"{prefix}{name}.{inner}", item.model_dump(mode="json", by_alias=True)
        elif isinstance(value, tuple):
            yield f"{prefix}{name}", [str(item) for item in value]
        else:
            yield f"{prefix}{name}", str(value) if isinstance(value, Path) else value


def _explain(error: ValidationError, origins: Mapping[str, str]) -> str:
    first = error.errors(include_url=False)[0]
    path = [str(part) for part in first["loc"]]
    if first["type"] == "value_error":  # of a section: its text begins with the key
        path = first["msg"].removeprefix("Value error, ").split()[0].split(".")
    key = ".".join(path)
    below = (k for k in origins if k.startswith(f"{key}."))
    above = (".".join(path[:n]) for n in range(len(path) - 1, 0, -1))
    known = [key, *below, *above]
    origin = next((origins[k] for k in known if k in origins), "the configuration")
    if first["type"] == "extra_forbidden":
        siblings = _siblings(path)
        return f"{origin}: unknown key {key}; allowed here: {', '.join(siblings)}"
    if first["type"] == "value_error":
        return f"{origin}: {first['msg'].removeprefix('Value error, ')}"
    value = _shown(key, first["input"])
    return f"{origin}: {key} is {value}: {first['msg'][0].lower()}{first['msg'][1:]}"


def _shown(key: str, value: Any) -> str:
    """A wrong value; of a whole section only its kind, because it may have a secret in it."""
    if key in secret_keys():
        return _MASK
    return f"a {type(value).__name__}" if isinstance(value, (dict, list)) else repr(value)


def _siblings(path: Sequence[str]) -> list[str]:
    model: Any = Settings
    for part in path[:-1]:
        field = getattr(model, "model_fields", {}).get(part)
        annotation = field.annotation if field else None
        if annotation is None:
            break
        model = annotation if isinstance(annotation, type) else annotation.__args__[-1]
    return sorted(field.alias or name for name, field in model.model_fields.items())
