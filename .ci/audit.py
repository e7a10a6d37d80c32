"""Asks whether a package of requirements.lock has a known vulnerability, and says so when nobody could be asked.

    python .ci/audit.py        exit 1 for a vulnerable package; with AUDIT=required also when the audit was not made

pip-audit alone is not enough. Where the package index is a mirror without PyPI's JSON API, it calls each package "not
found on PyPI" and ends with 0; where there is no network, it ends with a traceback and 1.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

LOCK = Path(__file__).parents[1] / "requirements.lock"
_ANSWER_S, _ALL_S = "10", 240
_NAMED = 5


def main() -> int:
    """Print what was found and return the exit code."""
    try:
        dependencies = ask()
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        return not_made(f"{type(error).__name__}: {error}")
    unknown = [one for one in dependencies if "skip_reason" in one]
    if len(unknown) == len(dependencies):
        return not_made(f"the index knows none of {len(unknown)} packages: it is a mirror of PyPI without its JSON")
    vulnerable = [(one, fault) for one in dependencies for fault in one.get("vulns", ())]
    for one, fault in vulnerable:
        mended = ", ".join(fault["fix_versions"]) or "no version yet"
        print(f"audit: {one['name']} {one['version']}: {fault['id']}, mended in {mended}")
    print(f"audit: {len(dependencies) - len(unknown)} packages, {len(vulnerable)} known vulnerabilities")
    if unknown:
        names = ", ".join(one["name"] for one in unknown[:_NAMED])
        print(f"audit: {len(unknown)} packages were NOT AUDITED, the index does not know them: {names}")
    return 1 if vulnerable else 0


def ask() -> list[dict]:
    """What pip-audit says of each package; ValueError when it says nothing that can be read."""
    command = [sys.executable, "-m", "pip_audit", "--requirement", str(LOCK), "--require-hashes", "--disable-pip"]
    command += ["--format", "json", "--progress-spinner", "off", "--timeout", _ANSWER_S]
    done = subprocess.run(command, capture_output=True, text=True, timeout=_ALL_S)
    try:
        return json.loads(done.stdout)["dependencies"]
    except (json.JSONDecodeError, KeyError):
        words = [line for line in done.stderr.splitlines() if line.strip()]
        raise ValueError(words[-1][:160] if words else f"pip-audit ended with {done.returncode} and no word") from None


def not_made(reason: str) -> int:
    """Nobody could be asked: a line that is hard to overlook; a machine without Internet still checks the rest."""
    print(f"audit: NOT MADE: {reason}")
    print("audit: NOT MADE: run make check where the vulnerability service of PyPI can be reached")
    return 1 if os.environ.get("AUDIT") == "required" else 0


if __name__ == "__main__":
    sys.exit(main())
