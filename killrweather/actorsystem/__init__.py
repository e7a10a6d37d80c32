"""Akka's missing half on Thespian: supervised actors, questions with answers, a loop beside the mailbox, a node's host.

strategy    what becomes of a failed child, as data       hardening   loopback only, signed, allow-listed
cell        an actor's process: mail, failures, restarts  system      one actor system and all its processes
actor       what actors derive from                       host        the process that owns a node's system
bridge      the asyncio loop beside a mailbox             process     a process's name and its parent's death
asks        questions that are not answered yet           testkit     actors under test
credit      who gets the next piece of work
supervisor  children from data
"""

from killrweather.actorsystem.actor import AsyncActor, ManagedActor
from killrweather.actorsystem.host import run
from killrweather.actorsystem.strategy import SupervisorStrategy
from killrweather.actorsystem.supervisor import ChildSpec, Supervisor

__all__ = ["AsyncActor", "ChildSpec", "ManagedActor", "Supervisor", "SupervisorStrategy", "run"]
