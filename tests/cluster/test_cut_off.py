"""A cable is pulled between the node that owns the stream and everybody else, and plugged in again."""

import os
import subprocess
import sys

import pytest
from namespaces import isolated

pytestmark = pytest.mark.timeout(1_200)


@pytest.fixture(scope="module", autouse=True)
def _may_make_namespaces():
    """What this file needs of the machine."""
    made = subprocess.run(isolated(["true"]), capture_output=True, text=True)
    assert made.returncode == 0, (
        f"network namespaces: {made.stderr.strip()}; expected unshare of util-linux, and root with CAP_SYS_ADMIN or"
        " user namespaces for everybody (sysctl user.max_user_namespaces, kernel.apparmor_restrict_unprivileged_userns)"
    )


def test_a_node_that_is_cut_off_gives_the_stream_up_says_so_and_comes_back_as_a_member(tmp_path):
    """The other node takes over and answers; the cut-off one answers 503 with the reason; no row is lost or wrong."""
    with (tmp_path / "said.txt").open("w+") as said:
        ended = subprocess.run(
            isolated([sys.executable, "-m", "cut_off", str(tmp_path / "cluster")]),
            stdout=said,
            stderr=subprocess.STDOUT,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        )
        said.seek(0)

        assert ended.returncode == 0, said.read()
