"""What nodes tell each other by the group protocol arrives as it was told."""

from types import SimpleNamespace

from killrweather.actorsystem.arrangement import Arrangement, Candidate, arrange
from killrweather.actorsystem.assignor import assignor
from killrweather.messages.cluster import Member


class Node:
    """A node of the group as its assignor knows it."""

    def __init__(self, name, **fields):
        self.told = Candidate(
            Member(name, f"{name}-1", f"http://{name}", ("stream",), "1.0.0", 3), {"a": "b"}, **fields
        )
        self.heard: list[Arrangement] = []
        self.assignor = assignor("nodes", lambda: self.told, self.lead, self.heard.append)

    def lead(self, candidates):
        self.candidates = candidates
        return arrange(one for one in candidates.values() if one is not None)

    def metadata(self):
        return self.assignor.metadata(["nodes"])


def test_the_leader_hears_what_each_candidate_tells_of_itself():
    """Roles are a tuple again, claims and epochs numbers."""
    one = Node("a", seen=3, epoch=4, claims={"stream": 2}, granted={"stream": 2})
    one.assignor.assign(None, {"m": one.metadata()})

    assert one.candidates == {"m": one.told}


def test_every_member_hears_the_arrangement_of_the_leader():
    """Refused nodes with their reasons too."""
    leader, same_name = Node("a"), Node("a")
    assigned = leader.assignor.assign(None, {"m1": leader.metadata(), "m2": same_name.metadata()})
    for node, key in ((leader, "m1"), (same_name, "m2")):
        node.assignor.on_assignment(assigned[key])
    made = arrange([leader.told, same_name.told])

    assert made.refused
    assert (leader.heard, same_name.heard) == ([made], [made])


def test_kafkas_own_tools_show_the_owner_of_a_singleton():
    """Its member of the group has the partition of that number."""
    leader, other = Node("a"), Node("b")
    assigned = leader.assignor.assign(None, {"m1": leader.metadata(), "m2": other.metadata()})

    assert [assigned[key].assignment for key in ("m1", "m2")] == [[("nodes", [0])], [("nodes", [])]]


def test_a_member_that_is_no_node_is_left_out():
    """Any consumer may have the group's name in its configuration."""
    leader = Node("a")
    foreign = [SimpleNamespace(user_data=data) for data in (b"", b"[]", b'{"member": {"name": 1}}')]
    members = {"m": leader.metadata(), **{f"f{number}": one for number, one in enumerate(foreign)}}
    leader.assignor.assign(None, members)

    assert leader.candidates == {"m": leader.told, "f0": None, "f1": None, "f2": None}
