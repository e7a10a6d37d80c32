"""What is in deploy/, read once for all the tests that look at it."""

import configparser
import io
from pathlib import Path

import yaml
from dockerfile_parse import DockerfileParser

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
MANIFESTS = sorted(path for path in (DEPLOY / "kubernetes").glob("*.yaml") if path.name != "kustomization.yaml")
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
FILES = [path for path in DEPLOY.rglob("*") if path.is_file() and path.name not in ("requirements.lock", "secrets.env")]


def text(path):
    return path.read_text(encoding="utf-8")


def resources(path):
    return list(yaml.safe_load_all(text(path)))


def resource(kind):
    [found] = [one for path in MANIFESTS for one in resources(path) if one["kind"] == kind]
    return found


def node_pod():
    return resource("StatefulSet")["spec"]["template"]["spec"]


def node_container():
    [container] = node_pod()["containers"]
    return container


def compose():
    return yaml.safe_load(text(DEPLOY / "compose.yaml"))


def containerfile():
    parser = DockerfileParser(fileobj=io.BytesIO((DEPLOY / "Containerfile").read_bytes()))
    return [(step["instruction"], step["value"]) for step in parser.structure if step["instruction"] != "COMMENT"]


def unit(path):
    """The sections of a unit; a directive that stands several times has all its values."""
    parser = configparser.RawConfigParser(strict=False, delimiters=("=",), dict_type=_Collected)
    parser.optionxform = str
    parser.read_string(text(path))
    return {name: {key: value.split("\n") for key, value in parser.items(name)} for name in parser.sections()}


class _Collected(dict):
    """Adds lines where a key comes again, as systemd does with lists."""

    def __setitem__(self, key, value):
        if isinstance(value, list) and isinstance(self.get(key), list):
            self[key].extend(value)
        else:
            super().__setitem__(key, value)


def alerts():
    [group] = yaml.safe_load(text(DEPLOY / "prometheus" / "alerts.yaml"))["groups"]
    return group["rules"]
