"""Schemathesis with all its checks against an application that is served somewhere."""

import subprocess
import sys
from pathlib import Path

_CONFIG = Path(__file__).with_name("schemathesis.toml")


def check_api(url: str, home: Path, examples: int, *options: str) -> str:
    """Try every call of the OpenAPI document with good and bad arguments; what it prints, if it finds nothing wrong.

    ``examples`` is how many cases of each call are made up, besides those that go through every bound of its schema.
    """
    command = [
        sys.executable, "-m", "schemathesis.cli", "--config-file", str(_CONFIG), "run", f"{url}/openapi.json",
        "--checks", "all", "--max-examples", str(examples), "--continue-on-failure", "--no-color",
        "--request-timeout", "20", *options,
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, cwd=home, timeout=300)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout
