"""One guardian node on services that others run, as an operator starts it: ``schema apply``, ``node start``."""

import os
import signal
import subprocess
from functools import partial

from whole_system import WholeSystem

from killrweather.processes import die_with_parent, end

PATIENCE_S = 500


class NodeOnClusters(WholeSystem):
    """A node without embedded services; it ends with the test."""

    _node: subprocess.Popen | None = None

    def up(self) -> None:
        """Make the tables, start the node and wait until it is ready."""
        self.run("schema", "apply")
        self.start()
        self.run("status", "--wait", "ready", "--timeout", str(PATIENCE_S), timeout_s=PATIENCE_S)

    def start(self) -> None:
        """Start the node without waiting."""
        with (self.home / "node.out").open("wb") as output:
            self._node = subprocess.Popen(
                self.command("node", "start"),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=self.environment,
                preexec_fn=partial(die_with_parent, signal.SIGKILL, os.getpid()),
            )

    def down(self) -> None:
        """Stop the node in order, with SIGTERM."""
        self._node.terminate()
        try:
            code = self._node.wait(PATIENCE_S)
        finally:
            end(self._node.pid, 0.0)
        assert code == 0, (self.home / "node.out").read_text()
