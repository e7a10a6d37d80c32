"""What runs out, or jumps, while rows are on their way: disks, files that may be opened, the clock."""

import os
import subprocess
import sys

import pytest

FAULTS = ["full disk kafka", "full disk cassandra", "full disk spark", "no file to open kafka", "clock 1 h ahead host"]


@pytest.mark.timeout(1_500)
def test_a_full_disk_too_few_files_and_a_clock_that_steps_lose_no_row_and_are_got_over(tmp_path):
    """Each is undone after some seconds; the system goes on by itself, and every table is right in the end."""
    only = [word for fault in FAULTS for word in ("--only", fault)]
    command = [sys.executable, "-m", "chaos", "--disks", "--seed", "2", "--faults", str(len(FAULTS)), *only]
    done = subprocess.run(
        [*command, "--home", str(tmp_path / "chaos")],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
    )

    assert done.returncode == 0, done.stderr
