"""Supervision with real processes: every way to die, and what is there again afterwards."""

import os
import pickle
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import psutil
import pytest
from supervision_actors import Add, AskOther, Behave, Flood, Nap, Refuse, State, TellAll

from killrweather.actorsystem.children import ChildSpec
from killrweather.actorsystem.strategy import SupervisorStrategy
from killrweather.actorsystem.testkit import ActorKit, Mail, eventually
from killrweather.home import Home
from killrweather.messages.control import Failed, GracefulShutdown, Ping, RequestFailed
from killrweather.processes import running
from killrweather.settings import Node, Settings

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="parent-death signals are Linux's")

QUICK = Settings(node=Node(ping_interval_s=0.1, hung_after_s=1.0, start_timeout_s=2.0, shutdown_timeout_s=10.0))
DECIDE = {"ArithmeticError": "resume", "ValueError": "restart", "KeyError": "stop", "OSError": "escalate"}


def child(name, actor="Subject", **options):
    options.setdefault("strategy", SupervisorStrategy(DECIDE, 10, 60.0, 0.01))
    return ChildSpec(name, f"supervision_actors.{actor}", **options)


@pytest.fixture
def grow(tmp_path):
    kits, before = [], set(psutil.Process().children(recursive=True))

    def start(*specs, settings=QUICK):
        kits.append(ActorKit(Home(tmp_path), settings, specs, ["supervision_actors."]))
        return kits[-1]

    yield start
    for kit in kits:
        kit.system.kill()
    assert set(psutil.Process().children(recursive=True)) <= before


def ask_until_answered(kit, name, message, within_s=5.0):
    """What a patient client does."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        answer = kit.ask(name, message, within_s)
        if not isinstance(answer, RequestFailed):
            return answer
    raise AssertionError(f"no answer in {within_s} s, last: {answer}")


# -- handlers that raise


def test_resume_keeps_the_state_restart_clears_it_and_the_process_stays(grow):
    """Both go on at the same address, in the same process."""
    kit = grow(child("a"))
    kit.ask("a", Add(1))
    assert kit.ask("a", Behave("ArithmeticError")).kind == "failed"
    resumed = kit.ask("a", State())
    assert kit.ask("a", Behave("ValueError")).kind == "failed"
    restarted = kit.ask("a", State())

    assert (resumed.total, resumed.incarnation) == (1, 1)
    assert (restarted.total, restarted.incarnation) == (0, 2)
    assert resumed.pid == restarted.pid == kit.children()["a"].pid


def test_stop_ends_the_process_and_says_why(grow):
    """Whoever asks it afterwards hears the last error at once."""
    kit = grow(child("a"))
    pid = kit.ask("a", State()).pid
    kit.ask("a", Behave("KeyError"))
    eventually(lambda: running(pid) is None)

    assert kit.children()["a"].state == "stopped"
    assert kit.ask("a", State()).kind == "unavailable"
    assert "KeyError" in kit.ask("a", State()).text


def test_escalation_reaches_the_guardians_supervisor(grow):
    """Here that is the test."""
    kit = grow(child("a"))
    kit.ask("a", Behave("OSError"))
    kit.tell("a", Add(1))
    [failed] = eventually(lambda: kit.receive() or [m for m in kit.mail if isinstance(m, Failed)])

    assert "Escalated" in failed.kinds
    assert "OSError" in failed.text


def test_bad_input_restarts_nobody(grow):
    """A hundred refusals are a hundred answers."""
    kit = grow(child("a"))
    answers = [kit.ask("a", Refuse(f"month {n}")) for n in range(100)]

    assert {(a.kind, a.argument) for a in answers} == {("bad-argument", "month")}
    assert kit.ask("a", State()).incarnation == 1
    assert kit.children()["a"].restarts == 0


def test_a_child_that_keeps_failing_is_stopped_and_its_siblings_go_on(grow):
    """OneForOne with a window: two restarts are allowed, the third failure is the end."""
    kit = grow(child("a", strategy=SupervisorStrategy({"*": "restart"}, 2, 60.0, 0.01)), child("b"))
    for _ in range(3):
        kit.ask("a", Behave("ValueError"))
    eventually(lambda: kit.children()["a"].state == "stopped")

    assert "more than 2 restarts in 60 s" in kit.children()["a"].last_error
    assert kit.ask("b", State()).incarnation == 1


def test_mail_of_a_restart_is_handled_afterwards_in_its_order(grow):
    """What came while the actor was away waits in its process."""
    kit = grow(child("a", strategy=SupervisorStrategy({"*": "restart"}, 10, 60.0, 0.3)))
    kit.ask("a", Behave("ValueError"))
    kit.ask("a", State())
    keys = [kit.send("a", Behave("ValueError"))]
    eventually(lambda: kit.children()["a"].state == "backoff")
    keys += [kit.send("a", Add(number)) for number in range(20)]
    answers = [kit.wait(key) for key in keys]

    assert answers[0].kind == "failed"
    assert answers[1:] == [sum(range(number + 1)) for number in range(20)]


def test_a_crash_in_a_coroutine_restarts_in_place_and_the_loop_lives_on(grow):
    """What was running is cancelled and its asker hears so; the new incarnation works."""
    kit = grow(child("a", "AsyncSubject"))
    slow = kit.send("a", Nap(30.0))
    pid = kit.ask("a", Nap(0.0))
    kit.ask("a", Behave("ValueError"))

    assert kit.wait(slow).kind == "unavailable"
    assert kit.ask("a", Nap(0.0)) == pid


def test_an_actor_that_cannot_be_imported_is_reported_by_name(grow):
    """A wrong class in the configuration is seen in the state of the child, and harms no other."""
    strategy = SupervisorStrategy({"*": "stop"})
    kit = grow(child("a", "NoSuchActor", strategy=strategy), child("b"))
    eventually(lambda: kit.children()["a"].state == "stopped")

    assert "NoSuchActor" in kit.children()["a"].last_error
    assert kit.ask("b", State()).incarnation == 1


# -- questions from loop to loop


def test_a_coroutine_asks_an_actor_with_a_loop_and_one_without(grow):
    """The first by a line, also where its handler is no coroutine; the second by mail."""
    kit = grow(child("asker", "AsyncClient"), child("a", "AsyncSubject"), child("b"))
    pid = kit.running("a").pid
    kit.running("b")

    assert kit.ask("asker", AskOther("a", Nap(0.0))) == pid
    assert kit.ask("asker", AskOther("a", State())).pid == pid
    assert kit.ask("asker", AskOther("a", Refuse("month 13"))).kind == "bad-argument"
    assert kit.ask("asker", AskOther("b", Add(2))) == 2


def test_a_question_by_line_that_crashes_is_answered_and_the_actor_restarts(grow):
    """What else was asked by line is cancelled and its asker hears so; what comes meanwhile waits."""
    slow = SupervisorStrategy({"*": "restart"}, 10, 60.0, 0.3)
    kit = grow(child("asker", "AsyncClient"), child("a", "AsyncSubject", strategy=slow))
    pid = kit.running("a").pid
    for _ in range(2):  # the first restart has no pause
        napping = kit.send("asker", AskOther("a", Nap(30.0)))
        crash = kit.ask("asker", AskOther("a", Behave("ValueError")))
        meanwhile = kit.send("asker", AskOther("a", Nap(0.0)))

        assert (crash.kind, kit.wait(napping).kind) == ("failed", "unavailable")
        assert kit.wait(meanwhile) == pid
    assert kit.children()["a"].restarts == 2


def test_a_question_by_line_is_asked_again_when_its_actor_is_killed(grow):
    """Its successor answers, and the asker does not notice."""
    kit = grow(child("asker", "AsyncClient"), child("a", "AsyncSubject"))
    pid = kit.running("a").pid
    key = kit.send("asker", AskOther("a", Nap(0.5)))
    kit.ask("asker", AskOther("a", Nap(0.0)))
    os.kill(pid, signal.SIGKILL)
    answer = kit.wait(key)

    assert isinstance(answer, int)
    assert answer == kit.running("a").pid != pid


def test_a_question_by_line_to_an_actor_that_stops_is_answered(grow):
    """At once, and not at its deadline."""
    kit = grow(child("asker", "AsyncClient"), child("a", "AsyncSubject"))
    kit.running("a")
    napping = kit.send("asker", AskOther("a", Nap(30.0)))
    kit.ask("asker", AskOther("a", Nap(0.0)))
    kit.ask("asker", AskOther("a", Behave("KeyError")))

    assert "is stopping" in kit.wait(napping, 4.0).text


# -- processes that die or hang


def test_a_killed_child_answers_again_in_a_moment(grow):
    """Same name, new process; the death is counted."""
    kit = grow(child("a"))
    pid = kit.running("a").pid
    began = time.monotonic()
    os.kill(pid, signal.SIGKILL)
    state = eventually(lambda: s if (s := ask_until_answered(kit, "a", State())).pid != pid else None)
    took_s = time.monotonic() - began

    assert (state.incarnation, kit.children()["a"].restarts) == (2, 1)
    assert kit.children()["a"].last_error == "its process died"
    assert took_s < 1.0


def test_a_child_killed_while_it_starts_is_made_anew(grow):
    """Nobody knows its address yet, but Thespian knows its process."""
    kit = grow(child("a", "SlowStarter", config=1.0))
    first = eventually(lambda: kit.children()["a"].pid)
    os.kill(first, signal.SIGKILL)
    second = eventually(lambda: s if (s := kit.children()["a"]).pid not in (first, None) else None)

    assert second.restarts == 1
    assert kit.ask("a", State()).incarnation == 2


@pytest.mark.parametrize("hang", ["stopped", "endless loop", "endless start"])
def test_a_hung_child_is_killed_and_made_anew(grow, hang):
    """It neither answers pings nor obeys SIGTERM; its siblings notice nothing."""
    kit = grow(child("a", "SlowStarter" if hang == "endless start" else "Subject", config=3600), child("b"))
    pid = eventually(lambda: kit.children()["a"].pid)
    if hang == "stopped":
        kit.running("a")
        os.kill(pid, signal.SIGSTOP)
    elif hang == "endless loop":
        kit.send("a", Behave("endless loop"))
    slowest = 0.0
    while running(pid):
        asked = time.monotonic()
        kit.ask("b", State())
        slowest = max(slowest, time.monotonic() - asked)
    again = eventually(lambda: s if (s := kit.children()["a"]).pid not in (pid, None) else None)

    assert again.restarts == 1
    assert "without a sign of life" in again.last_error
    assert slowest < 0.5


def test_a_hung_child_does_not_hold_up_what_others_are_asked(grow):
    """Its unsent mail may not take all the sender's slots: Thespian has 20 of them for all receivers together."""
    kit = grow(child("a"), child("b"), settings=Settings(node=Node(ping_interval_s=0.1, hung_after_s=3.0)))
    pid = kit.running("a").pid
    os.kill(pid, signal.SIGSTOP)
    for number in range(60):
        kit.send("a", Add(number))
    began = time.monotonic()
    answers = [kit.ask("b", State()).pid for _ in range(20)]

    assert len(set(answers)) == 1
    assert time.monotonic() - began < 2.0
    assert running(pid) is not None


def test_a_dead_pool_members_work_is_done_by_another(grow):
    """Whoever asked sees answers only, each of its own."""
    kit = grow(child("worker", pool=2), child("client", "Client"))
    kit.running("client")
    eventually(lambda: all(s.state == "running" for s in kit.children().values()))
    key = kit.send("client", Flood("worker", 1_000), 60.0)
    victim = kit.children()["worker-1"].pid
    eventually(lambda: kit.children()["worker-1"].counters.get("handled"))
    os.kill(victim, signal.SIGKILL)

    assert kit.wait(key, 60.0) == {"answers": 1_000, "failures": 0}
    assert kit.children()["worker-1"].restarts == 1


# -- many messages


def test_ten_thousand_messages_go_through_a_pair(grow):
    """5,000 questions and their answers: a few are on their way, the others wait with who asks."""
    kit = grow(child("worker"), child("client", "Client"))
    answered = kit.ask("client", Flood("worker", 5_000), 120.0)

    assert answered == {"answers": 5_000, "failures": 0}


def test_two_actors_that_ask_each_other_at_once_do_not_deadlock(grow):
    """Each sends 2,000 messages, questions and answers: without credit, both would block for ever."""
    kit = grow(child("left", "Client"), child("right", "Client"))
    kit.running("left")
    kit.running("right")
    keys = [kit.send("left", Flood("right", 1_000), 120.0), kit.send("right", Flood("left", 1_000), 120.0)]

    assert [kit.wait(key, 120.0) for key in keys] == [{"answers": 1_000, "failures": 0}] * 2


def test_messages_to_one_actor_arrive_each_once(grow):
    """In which order is not promised: Thespian opens a connection for each and may turn them round."""
    kit = grow(ChildSpec("a", "killrweather.actorsystem.testkit.ProbeActor"), child("client", "Client"))
    kit.running("a")
    kit.ask("client", TellAll("a", 200), 30.0)
    received = []
    eventually(lambda: received.extend(kit.ask("a", Mail())) or len(received) >= 200)

    assert sorted(m.value for m in received) == list(range(200))


# -- the system's borders


def test_only_the_actors_own_process_imports_its_class(grow, tmp_path, monkeypatch):
    """What is heavy stays out of the processes that fork."""
    monkeypatch.setenv("IMPORTED_BY", str(tmp_path / "imported"))
    kit = grow(ChildSpec("a", "supervision_heavy.HeavyActor"))
    pid = kit.running("a").pid

    assert (tmp_path / "imported").read_text() == f"{pid}\n"


def test_the_guardian_owns_no_thread(grow):
    """Its children are forked from it."""
    kit = grow(child("a", "AsyncSubject"))
    pid = kit.running("a").pid

    assert psutil.Process(psutil.Process(pid).ppid()).num_threads() == 1
    assert psutil.Process(pid).num_threads() > 1


def test_every_socket_listens_on_loopback_only(grow):
    """As it comes, Thespian listens on every interface."""
    kit = grow(child("a"))
    kit.running("a")
    own = psutil.Process()
    listening = [
        c.laddr.ip for p in [own, *own.children(recursive=True)] for c in p.net_connections() if c.status == "LISTEN"
    ]

    assert len(listening) >= 4
    assert set(listening) == {"127.0.0.1"}


class _Bomb:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def test_a_crafted_message_runs_nothing(grow, tmp_path):
    """To every port of the system: unsigned, so it is dropped unread, and the actors go on."""
    kit = grow(child("a"), child("b", "AsyncSubject"))
    kit.running("a")
    kit.running("b")
    data = pickle.dumps((None, _Bomb(tmp_path / "bang")))
    packed = [data, b"0" * 32 + data, pickle.dumps((None, Ping()))]
    attacks = [*(b"%d>%s" % (len(p), p) for p in packed), b"junk" * 99, b"-5>negative", b"99999999999>endless"]
    own = psutil.Process()
    for port in _ports(own.children(recursive=True)) - _ports([own]):
        for attack in attacks:
            with socket.create_connection(("127.0.0.1", port), 5.0) as connection:
                connection.sendall(attack)

                assert _is_refused(connection), attack[:20]

    assert not (tmp_path / "bang").exists()
    assert kit.ask("a", State()).incarnation == 1


def _ports(processes):
    return {c.laddr.port for p in processes for c in p.net_connections() if c.status == "LISTEN"}


def _is_refused(connection):
    """Whether it is closed, after a negative acknowledgement or none."""
    try:
        while received := connection.recv(100):
            if b"ACK+DATAERR" not in received:
                return False
    except ConnectionResetError:
        return True
    return True


def test_children_are_stopped_in_order(grow, tmp_path):
    """The first of the list first; each has closed what it opened before the next is asked."""
    kit = grow(child("a", config=str(tmp_path / "order")), child("b", config=str(tmp_path / "order")))
    kit.running("a")
    kit.running("b")
    kit.wait(kit.send_guardian(GracefulShutdown()))

    assert (tmp_path / "order").read_text().split() == ["a", "b"]


# -- the host


class HostState(NamedTuple):
    """What the guardian writes when its child runs."""

    guardian: str
    child: str
    restarts: str


class RunningHost:
    """A node host in a process of its own, as the command line runs it."""

    def __init__(self, home):
        self.home = home
        here = Path(__file__).parent
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(here), str(here.parent.parent)])}
        self.process = subprocess.Popen(
            [sys.executable, str(here / "supervision_actors.py"), str(home)],
            env=environment,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.tree = set()

    def state(self):
        """What the guardian wrote last: its pid, its children's, its restarts."""
        path = self.home / "guardian.state"
        if not path.exists():
            return None
        state = HostState(*path.read_text().split())
        self.tree |= set(psutil.Process(self.process.pid).children(recursive=True))
        return state

    def ready(self, other_than=None):
        """The state once a guardian and its child run, other than an earlier one."""

        def check():
            state = self.state()
            return state if state and state.guardian != getattr(other_than, "guardian", None) else None

        return eventually(check, 15.0)

    def end(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        return self.process.wait(15)

    def left_over(self):
        return [p for p in self.tree if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]


@pytest.fixture
def host(tmp_path):
    running_host = RunningHost(tmp_path)
    yield running_host
    if running_host.process.poll() is None:
        running_host.process.kill()
        running_host.process.wait()
    eventually(lambda: not running_host.left_over())
    running_host.process.stderr.close()


def test_sigterm_shuts_down_gracefully(host):
    """Exit 0, the child has closed what it had open, nothing is left."""
    host.ready()

    assert host.end() == 0
    assert (host.home / "child.closed").exists()
    assert host.left_over() == []


def test_a_killed_guardian_is_made_anew_and_its_children_are_gone(host):
    """The new one is told how often that happened."""
    first = host.ready()
    os.kill(int(first.guardian), signal.SIGKILL)
    second = host.ready(other_than=first)

    assert running(int(first.child)) is None
    assert (first.restarts, second.restarts) == ("0", "1")
    assert host.end() == 0


def test_a_stopped_guardian_is_killed_and_made_anew(host):
    """A guardian that hangs answers no ping."""
    first = host.ready()
    os.kill(int(first.guardian), signal.SIGSTOP)
    host.ready(other_than=first)

    assert host.end() == 0


def test_a_killed_admin_costs_the_system_and_the_host_starts_another(host):
    """The Admin is the guardian's parent: all die with it."""
    first = host.ready()
    admin = psutil.Process(int(first.guardian)).ppid()
    os.kill(admin, signal.SIGKILL)
    second = host.ready(other_than=first)

    assert running(int(first.child)) is None
    assert second.restarts == "1"
    assert host.end() == 0


@pytest.mark.parametrize("stopped", [False, True])
def test_a_killed_host_takes_everything_with_it(host, stopped):
    """No orphan and no port, even with a child that was stopped."""
    state = host.ready()
    if stopped:
        os.kill(int(state.child), signal.SIGSTOP)
    host.end(signal.SIGKILL)

    eventually(lambda: host.left_over() == [], 2.0)


def test_escalation_ends_the_host_with_one_line(host):
    """Exit 1, and why."""
    host.ready()
    (host.home / "escalate").touch()
    code = host.process.wait(15)

    assert code == 1
    [line] = host.process.stderr.read().splitlines()
    assert "the guardian gave up" in line
    assert "subject: OSError: disk full" in line
    assert host.left_over() == []


def test_a_second_signal_ends_at_once(host):
    """A graceful shutdown that takes too long for somebody is cut short."""
    host.ready()
    (host.home / "slow").touch()
    host.process.send_signal(signal.SIGTERM)
    eventually(lambda: (host.home / "child.closing").exists())
    began = time.monotonic()

    assert host.end(signal.SIGINT) == 1
    assert time.monotonic() - began < 2.0
    assert host.left_over() == []


def test_two_nodes_run_side_by_side(host, tmp_path_factory):
    """Each has its own port and key."""
    other = RunningHost(tmp_path_factory.mktemp("other"))
    host.ready()
    other.ready()

    assert other.end() == 0
    assert host.state() is not None
    assert host.end() == 0
    other.process.stderr.close()
