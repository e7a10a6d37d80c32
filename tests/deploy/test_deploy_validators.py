"""Every file of deploy/ passes its own validator."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import kubernetes_validate
import promql_parser
import pytest
import yaml
from compose_spec import PyCompose
from deploy_stage import DEPLOY, MANIFESTS, ROOT, UNITS, alerts, compose, resources, text, unit
from promql import faults, labels

from killrweather import __version__

KUBERNETES = ("1.29", "1.33", "1.37")
"""Versions of Kubernetes that the manifests are held to: the oldest that has sidecars, and later ones."""


def test_the_containerfile_passes_its_linter():
    """hadolint finds nothing, not even something to note."""
    found = subprocess.run(
        [Path(sys.executable).with_name("hadolint"), "--no-color", DEPLOY / "Containerfile"],
        capture_output=True,
        text=True,
    )

    assert (found.returncode, found.stdout) == (0, "")


@pytest.mark.parametrize("version", KUBERNETES)
@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.stem)
def test_a_manifest_is_what_kubernetes_takes(path, version):
    """By the strict schema of the version: no field that it does not know."""
    for one in resources(path):
        kubernetes_validate.validate(one, version, strict=True)
        assert "namespace" not in one["metadata"], "the operator chooses it"


def test_the_kustomization_has_every_manifest():
    """`kubectl apply --kustomize` leaves none out, and sets the image to this version."""
    kustomization = yaml.safe_load(text(DEPLOY / "kubernetes" / "kustomization.yaml"))

    assert kustomization["resources"] == [path.name for path in MANIFESTS]
    assert kustomization["images"] == [{"name": "killrweather", "newTag": __version__}]


def test_the_compose_file_is_what_compose_takes():
    """By a strict reader of the compose specification; it knows no YAML merges, so they are resolved before."""
    merged = {key: value for key, value in compose().items() if not key.startswith("x-")}
    taken = PyCompose.from_yaml(yaml.safe_dump(merged)).to_dict()

    assert taken["services"].keys() == merged["services"].keys()


def by_systemd(path, scratch):
    """systemd itself, told that what the unit starts is there."""
    name = path.name.replace("@.", "@n1.")
    copy = scratch / name
    copy.write_text(text(path).replace("/opt/killrweather/bin/killrweather", "/bin/true"), encoding="utf-8")
    found = subprocess.run(["systemd-analyze", "verify", "--man=no", copy], capture_output=True, text=True)
    assert (found.returncode, found.stdout + found.stderr) == (0, "")


def by_hand(path, scratch):
    """What can be said without systemd: known sections, one value each, absolute paths, proper yes and no."""
    sections = unit(path)
    assert sections.keys() == {"Unit", "Service", "Install"}
    for key, values in (item for section in sections.values() for item in section.items()):
        assert re.fullmatch(r"[A-Z][A-Za-z]+", key)
        assert len(values) == 1 or key == "EnvironmentFile", key
    service = sections["Service"]
    for key in ("ExecStart", "WorkingDirectory", "EnvironmentFile"):
        assert all(value.removeprefix("-").startswith("/") for value in service[key]), key
    for key in (key for key in service if key.startswith(("Protect", "Private", "Restrict", "NoNew", "Lock"))):
        assert service[key][0] in ("yes", "strict", "invisible") or key == "RestrictAddressFamilies", key


# A machine without systemd has the first alone; the names of the tests that ran say which.
UNIT_VALIDATORS = [by_hand, *([by_systemd] if shutil.which("systemd-analyze") else [])]


@pytest.mark.parametrize("validate", UNIT_VALIDATORS, ids=lambda validate: validate.__name__)
@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.stem)
def test_a_unit_is_what_systemd_takes(path, validate, tmp_path):
    """No directive that it does not know, no value that it does not take."""
    validate(path, tmp_path)


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.stem)
def test_a_unit_states_what_the_exit_codes_mean(path):
    """1 means: restart me; 0 stays down, 2 is a configuration that no restart mends; the actors get no signal."""
    service = unit(path)["Service"]

    assert service["Restart"] == ["on-failure"]
    assert service["RestartPreventExitStatus"] == ["2"]
    assert service["KillMode"] == ["mixed"]
    assert service["OOMPolicy"] == ["continue"]
    assert "MemoryDenyWriteExecute" not in service, "Java compiles while it runs"
    assert unit(path)["Unit"]["StartLimitIntervalSec"] == ["0"]
    assert int(service["LimitNOFILE"][0]) >= 65_536


def test_every_alert_is_an_expression_over_metrics_that_exist():
    """Names, labels and states are those of /metrics, and PromQL can be parsed."""
    assert alerts()
    for rule in alerts():
        assert list(faults(rule["expr"])) == [], rule["alert"]
        assert "for" not in rule or promql_parser.parse_duration(rule["for"])
        assert rule["labels"]["severity"] in ("warning", "critical")
        assert rule["annotations"].keys() == {"summary", "description"}
        shown = set(re.findall(r"\$labels\.(\w+)", "".join(rule["annotations"].values())))
        assert shown <= labels(promql_parser.parse(rule["expr"])), rule["alert"]


def test_the_guide_says_what_to_do_at_every_alert():
    """docs/operating.md has a row for each alert and no other."""
    described = re.findall(r"^\| `(KillrWeather\w+)` \|", text(ROOT / "docs" / "operating.md"), re.MULTILINE)

    assert described == [rule["alert"] for rule in alerts()]
