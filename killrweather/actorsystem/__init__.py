"""Akka's missing half on Thespian: supervised actors, questions with answers, a loop beside the mailbox, a node's host.

an actor          actor       what actors derive from
                  cell        an actor's process and life: start, failure, restart, end
                  stash       mail that waits until the actor runs
                  work        its handlers, and what comes of each
                  replies     questions it was asked and has not answered yet
                  asker       questions it asks, by mail and by line
                  asks        those that are not answered yet
                  credit      who gets the next piece of work
                  bridge      the asyncio loop beside a mailbox
                  line        direct lines between loops
its supervisor    supervisor  children from data: it makes them, watches them, decides when one fails
                  children    what they are made from, and how each is
                  routing     the way of a message to them
                  strategy    what becomes of a failed child, as data
a node            host        the process that owns a node's system
                  system      one actor system and all its processes
                  process     a process's name and its parent's death
                  hardening   loopback only, signed, allow-listed
the cluster       membership  a node's part in it: joins, records, shows the view
                  group       its place in the Kafka group
                  assignor    what the members of the group tell each other
                  arrangement who is in, who owns what: pure functions
                  agreement   the settings that all nodes must share
                  event_log   what has happened, a Kafka topic
tests             testkit     actors under test
"""

from killrweather.actorsystem.actor import AsyncActor, ManagedActor
from killrweather.actorsystem.children import ChildSpec
from killrweather.actorsystem.host import run
from killrweather.actorsystem.strategy import SupervisorStrategy
from killrweather.actorsystem.supervisor import Supervisor

__all__ = ["AsyncActor", "ChildSpec", "ManagedActor", "Supervisor", "SupervisorStrategy", "run"]
