"""What the nodes tell each other by Kafka's group protocol: candidates to the leader, its arrangement to all.

Both travel as JSON: a candidate as a member's metadata, the arrangement as its assignment.
"""

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from aiokafka.coordinator.assignors.abstract import AbstractPartitionAssignor
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment, ConsumerProtocolMemberMetadata

from killrweather.actorsystem.arrangement import Arrangement, Candidate, Ownership
from killrweather.messages.cluster import SINGLETONS, Member

log = logging.getLogger(__name__)


def assignor(
    topic: str,
    candidate: Callable[[], Candidate],
    lead: Callable[[Mapping[str, Candidate | None]], Arrangement],
    arranged: Callable[[Arrangement], None],
) -> type[AbstractPartitionAssignor]:
    """The group protocol's plug-in of one node; aiokafka wants a class and makes no object of it.

    ``candidate`` says what this node tells of itself, ``lead`` works out the arrangement when this node is the
    group's leader, ``arranged`` takes what the leader has worked out.
    """

    class Assignor(AbstractPartitionAssignor):
        name = "killrweather"
        version = 0

        @classmethod
        def metadata(cls, topics: Any) -> ConsumerProtocolMemberMetadata:
            data = json.dumps(asdict(candidate())).encode()
            return ConsumerProtocolMemberMetadata(cls.version, list(topics), data)

        @classmethod
        def assign(cls, cluster: Any, members: Any) -> dict[str, ConsumerProtocolMemberAssignment]:
            candidates = {key: _candidate_of(metadata.user_data) for key, metadata in members.items()}
            made = lead(candidates)
            data = json.dumps(asdict(made)).encode()
            assignments = {}
            for key, one in candidates.items():
                owned = [
                    number
                    for number, name in enumerate(SINGLETONS)
                    if one and name in made.owners and made.owners[name].id == one.member.id
                ]
                # The partition of a singleton, so that Kafka's own tools show who owns it.
                assignments[key] = ConsumerProtocolMemberAssignment(cls.version, [(topic, owned)], data)
            return assignments

        @classmethod
        def on_assignment(cls, assignment: ConsumerProtocolMemberAssignment) -> None:
            arranged(_arrangement_of(assignment.user_data))

    return Assignor


def _candidate_of(data: bytes) -> Candidate | None:
    """What a member of the group tells of itself; None for one that is no node of ours."""
    try:
        told = json.loads(data)
        return Candidate(**{**told, "member": _member_of(told["member"])})
    except (ValueError, KeyError, TypeError) as error:
        log.warning("a member of the group is no node", extra={"reason": repr(error)})
        return None


def _arrangement_of(data: bytes) -> Arrangement:
    told = json.loads(data)
    return Arrangement(
        told["epoch"],
        tuple(_member_of(one) for one in told["members"]),
        {name: Ownership(**one) for name, one in told["owners"].items()},
        {id: (name, reason) for id, (name, reason) in told["refused"].items()},
    )


def _member_of(told: Mapping[str, Any]) -> Member:
    return Member(**{**told, "roles": tuple(told["roles"])})
