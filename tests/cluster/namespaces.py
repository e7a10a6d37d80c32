"""Two hosts on one machine, with a cable between them that can be pulled; and disks that are soon full.

Run in namespaces of their own (``isolated``), so that nothing of the machine's network and mounts is touched. Linux,
util-linux (``unshare``, ``nsenter``, ``mount``), and either root or user namespaces that everybody may make.
"""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from pyroute2 import IPRoute

from killrweather.actorsystem.testkit import eventually
from killrweather.processes import die_with_parent

HERE, THERE = "10.231.1.1", "10.231.0.2"
"""The addresses of the two hosts. This one's is on no cable, so that it stays when the cable is pulled."""

_NEAR_END, _FAR_END, _GATEWAY, _BITS = "kw-near", "kw-far", "10.231.0.1", 30


def isolated(command: Sequence[str], namespace: str = "--net") -> list[str]:
    """The command in a namespace of its own (``--net`` or ``--mount``), in which it may do what root may."""
    user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    return ["unshare", *user, namespace, *command]


@contextmanager
def disks(directory: Path, sizes: Mapping[str, int]) -> Iterator[None]:
    """Directories below this one that are disks of their own, in memory, of so many MB."""
    places = {directory / name: megabytes for name, megabytes in sizes.items()}
    for place, megabytes in places.items():
        place.mkdir(parents=True, exist_ok=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(place)], check=True)
    yield
    for place in places:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


class OtherHost:
    """The namespace at the other end of the cable; leaving the context ends it."""

    def __enter__(self) -> "OtherHost":
        sleep = ["unshare", "--net", "sleep", "infinity"]
        self._holder = subprocess.Popen(sleep, preexec_fn=partial(die_with_parent, parent=os.getpid()))
        eventually(lambda: _network_of(self._holder.pid) != _network_of(os.getpid()))
        with IPRoute() as network:
            _up(network, "lo")
            _address(network, "lo", HERE, 32)
            peer = {"ifname": _FAR_END, "net_ns_pid": self._holder.pid}
            network.link("add", ifname=_NEAR_END, kind="veth", peer=peer)
            _address(network, _NEAR_END, _GATEWAY, _BITS)
            _up(network, _NEAR_END)
        subprocess.run(self.command([sys.executable, __file__]), check=True)
        return self

    def __exit__(self, *_: object) -> None:
        self._holder.kill()
        self._holder.wait()

    def command(self, command: Sequence[str]) -> list[str]:
        """The command as it runs there; its process id is its own."""
        return ["nsenter", "--target", str(self._holder.pid), "--net", *command]

    def cut(self) -> None:
        """Pull the cable at this end: what the other one sends is lost, and nobody tells it."""
        with IPRoute() as network:
            network.link("set", index=_index(network, _NEAR_END), state="down")

    def heal(self) -> None:
        """Plug it in again."""
        with IPRoute() as network:
            _up(network, _NEAR_END)


def _set_up_far_end() -> None:
    with IPRoute() as network:
        _up(network, "lo")
        _address(network, _FAR_END, THERE, _BITS)
        _up(network, _FAR_END)
        # No way to anywhere else: a name server that is looked for in vain says so at once.
        network.route("add", dst=f"{HERE}/32", gateway=_GATEWAY)


def _network_of(pid: int) -> str:
    return os.readlink(f"/proc/{pid}/ns/net")


def _index(network: IPRoute, name: str) -> int:
    return network.link_lookup(ifname=name)[0]


def _up(network: IPRoute, name: str) -> None:
    network.link("set", index=_index(network, name), state="up")


def _address(network: IPRoute, name: str, address: str, bits: int) -> None:
    network.addr("add", index=_index(network, name), address=address, prefixlen=bits)


if __name__ == "__main__":
    _set_up_far_end()
