"""Three guardian nodes: who joins, who takes over from whom, who leaves and who is refused, all under load.

Each test begins with three nodes that are Up and a stream that runs, and ends with tables that are what pandas works
out from the rows that were acknowledged.
"""

import contextlib
import resource
import socket
import time
from pathlib import Path

import psutil
import pytest
from exact_tables import Tables, assert_exact
from nodes import PATIENCE_S, SESSION_S, NodeCluster, patiently, told
from traffic import RunningLoad, RunningQuestions
from weather_files import real_year, under_other_ids, write

from killrweather.errors import Unavailable
from killrweather.model.temperature import AnnualTemperature
from killrweather.storage import session as cassandra

pytestmark = pytest.mark.timeout(2400)

DETECTION_S = SESSION_S + 1.5
"""What is promised with the embedded broker's session time-out."""
UP_S = 5.0
"""What is promised of nodes that start together, on cores that are theirs."""
BUSY = 5
"""How many times slower a machine may be on which other tests run."""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """Two nodes with all that streams, and one that takes data and answers questions alone."""
    everything = "feed,stream,query,analytics"
    roles = {"n1": everything, "n2": everything, "n3": "feed,query"}
    with NodeCluster(tmp_path_factory.mktemp("nodes"), roles) as cluster:
        yield cluster


@pytest.fixture(autouse=True)
def whole(cluster):
    """Every test begins with three nodes that are Up, whatever the one before it has done or failed to do."""
    cluster.up()


def test_three_nodes_that_start_at_once_are_up_soon(cluster, tell):
    """A node is Up once it can take data and answer; it does not wait for its stream's JVM."""
    up = {event["node"]: event["at"] for event in reversed(cluster.events("MemberUp"))}
    joining = min(event["at"] for event in cluster.events("MemberJoining"))
    seconds = sorted((at - joining).total_seconds() for at in up.values())
    tell("the first joins, each is Up after, s", seconds)

    assert up.keys() == {"n1", "n2", "n3"}
    assert seconds[-1] < UP_S * BUSY


@pytest.fixture(scope="module")
def year():
    """A year of real hours of two stations, hour by hour."""
    return real_year().sort_values(["month", "day", "hour"], kind="stable").reset_index(drop=True)


@pytest.fixture(scope="module")
def tables(cluster):
    return Tables(cluster.settings)


@pytest.fixture
def tell(record_property, capsys):
    """Record a figure, and show it."""

    def told_as(name, value):
        record_property(name, value)
        with capsys.disabled():
            print(f"\n  {name}: {value}", end="")

    return told_as


def test_any_node_takes_data_and_answers_questions_whoever_streams(cluster, tables, year, tmp_path):
    """All see the same nodes; what each was given every other knows; a replay ordered anywhere reaches the owner."""
    views = [node.view() for node in cluster.nodes.values()]

    assert [view["me"].split("-")[0] for view in views] == ["n1", "n2", "n3"]
    assert told(views[0]) == told(views[1]) == told(views[2])
    assert {member["name"] for member in views[0]["members"]} == {"n1", "n2", "n3"}
    assert cluster.owner().name in ("n1", "n2")

    for number, (giver, asked) in enumerate(zip(["n1", "n2", "n3"], ["n2", "n3", "n1"], strict=True)):
        rows = under_other_ids(year[year["month"] == 7], 800_000 + number)
        path = write(rows, tmp_path / f"{giver}.csv")
        answer = cluster.nodes[giver].post(path.read_bytes(), format="csv")

        assert answer.json()["accepted"] == len(rows)
        patiently(lambda node=asked, to=answer: cluster.nodes[node].stored(to.json()["next_offsets"]))
        assert_truth(tables, rows)
        wsid = rows["wsid"].iloc[0]
        found = cluster.nodes[asked].get(f"/weather/stations/{wsid}/temperature/annual").json()
        assert [one["count"] for one in found] == [int(rows[rows["wsid"] == wsid]["temperature"].count())]

    ordered = cluster.nodes["n3"].run("replay", "--from-beginning", "--wait", timeout_s=PATIENCE_S)
    assert ordered.returncode == 0
    assert_truth(tables, rows)


def test_a_killed_owner_of_the_stream_is_replaced_and_nothing_acknowledged_is_lost(cluster, tables, year, tell):
    """kill -9 of the whole node in the middle of a load; started again, it joins again."""
    owner = cluster.owner()
    with RunningLoad(starting_at(cluster, owner), under_other_ids(year, 810_000)) as load:
        load.wait_for(500)
        killed_at = time.monotonic()
        moved = events_after(cluster, "SingletonMoved")
        owner.kill()
        event = moved()
        moved_s = time.monotonic() - killed_at
        patiently(lambda: cluster.any.stream().get("state") == "running")
        tell("kill -9 to SingletonMoved, s", round(moved_s, 2))
        tell("kill -9 to the stream runs, s", round(time.monotonic() - killed_at, 2))
        load.wait_for(500)
        unreachable = cluster.events("MemberUnreachable")[-1]
        tell("longest pause of the load, s", round(load.longest_s, 2))

    assert event["singleton"] == "stream"
    assert event["text"] == f"stream moved from {owner.name} to {cluster.owner().name}"
    assert unreachable["node"] == owner.name
    assert moved_s < BUSY * DETECTION_S
    assert_truth(tables, load.truth)

    cluster.up()

    assert cluster.events("MemberUp")[-1]["node"] == owner.name
    assert cluster.owner() is not owner


def test_a_frozen_owner_that_comes_back_finds_that_its_time_is_over(cluster, tables, year, tell):
    """SIGSTOP of the whole node in the middle of a load, SIGCONT later: one stream, no progress of its, no restart."""
    owner = cluster.owner()
    before = restarted(owner)
    with RunningLoad([node.url for node in cluster.others(owner)], under_other_ids(year, 820_000)) as load:
        load.wait_for(500)
        frozen_at = time.monotonic()
        moved = events_after(cluster, "SingletonMoved")
        owner.freeze()
        try:
            moved()
            tell("SIGSTOP to SingletonMoved, s", round(time.monotonic() - frozen_at, 2))
            heir = next(node for node in cluster.others(owner) if "stream" in node.roles)
            patiently(lambda: heir.stream().get("state") == "running")
            tell("SIGSTOP to the stream runs, s", round(time.monotonic() - frozen_at, 2))
            load.wait_for(300)
            of_heir = generation(cluster)
        finally:
            owner.thaw()
        thawed_at = time.monotonic()
        patiently(cluster.is_whole)
        tell("SIGCONT to all Up, s", round(time.monotonic() - thawed_at, 2))
        load.wait_for(300)

    assert cluster.owner() is heir
    assert generation(cluster) == of_heir
    assert status_of(owner)["stream"]["state"] == "standby"
    assert restarted(owner) == before
    assert status_of(heir)["stream"]["state"] == "running"
    assert_truth(tables, load.truth)


def restarted(node):
    """The restarts of each actor, with its last error: a difference says why."""
    return {actor["name"]: (actor["restarts"], actor["last_error"]) for actor in status_of(node)["node"]["actors"]}


def test_a_rolling_restart_under_load_costs_no_request_and_no_row(cluster, tables, year, tell):
    """SIGTERM, exit code 0, start, Up: one node after the other, while rows and questions go to all."""
    known = under_other_ids(year[year["month"] == 1], 830_000)
    with RunningLoad(cluster.urls, known, 0.0) as first:
        first.wait_for(len(known))
    wsid = known["wsid"].iloc[0]
    count = int(known[known["wsid"] == wsid]["temperature"].count())

    def ask(client):
        [found] = client.get(f"/weather/stations/{wsid}/temperature/annual", tuple[AnnualTemperature, ...])
        assert found.count == count

    with contextlib.ExitStack() as traffic:
        loads, questions = [], []
        for number, node in enumerate(cluster.nodes.values()):
            urls = starting_at(cluster, node)
            rows = under_other_ids(year, 830_010 + number)
            loads.append(traffic.enter_context(RunningLoad(urls, rows, 0.3)))
            questions.append(traffic.enter_context(RunningQuestions(urls, ask)))
        for node in cluster.nodes.values():
            start = time.monotonic()
            assert node.terminate() == 0, node.last_words()
            tell(f"{node.name}: SIGTERM to its end, s", round(time.monotonic() - start, 2))
            cluster.up()
        for load in loads:
            load.wait_for(300)
        tell("questions answered", sum(one.answered for one in questions))
        tell("longest answer, s", round(max(one.longest_s for one in questions), 2))
        tell("longest pause of a load, s", round(max(one.longest_s for one in loads), 2))

    for load in loads:
        assert load.acknowledged >= 300
        assert_truth(tables, load.truth)


OTHERS = Path(__file__).with_name("other_nodes.py")

REFUSED = {
    "the name of another": ("n1", {}, [], "a node named n1 is a member already"),
    "another token": ("n9", {"KILLRWEATHER_HTTP_TOKEN": "other"}, [], "http.token is another than"),
    "another keyspace": ("n9", {"KILLRWEATHER_CASSANDRA_KEYSPACE": "other"}, [], "cassandra.keyspace is other here"),
    "another version": ("n9", {}, [str(OTHERS), "version"], "version 99.0.0"),
    "a clock that is an hour ahead": ("n9", {}, [str(OTHERS), "clock"], "s ahead of the Kafka broker's"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_node_that_does_not_fit_is_refused_with_the_reason_and_disturbs_nobody(cluster, tables, year, what):
    """Exit code 1, the reason on its stderr and in the history of the others; the stream stays where it is."""
    name, environment, program, reason = REFUSED[what]
    before, owner = told(cluster.any.view())["members"], cluster.owner()
    stranger = cluster.node(name, "query", home=what.replace(" ", "-"))
    with RunningLoad(cluster.urls, under_other_ids(year, 840_000 + list(REFUSED).index(what))) as load:
        stranger.start(*program, environment=environment)
        code = stranger.ended()
        load.wait_for(200)
    [last] = stranger.last_words().strip().splitlines()
    refused = patiently(lambda: cluster.events("MemberRefused"), 30)[-1]

    assert code == 1
    assert reason in last
    assert refused["node"] == name
    assert reason in refused["text"]
    patiently(lambda: told(cluster.any.view())["members"] == before, 30)
    assert cluster.owner() is owner
    assert_truth(tables, load.truth)


def test_an_unknown_role_is_refused_before_anything_starts(cluster):
    """Exit code 2 and one line that names the role and those that there are."""
    stranger = cluster.node("n9", "feed,juggling")
    stranger.start()

    assert stranger.ended() == 2
    [line] = stranger.last_words().strip().splitlines()
    assert "juggling" in line
    assert "analytics" in line


def test_a_broker_that_cannot_be_reached_costs_a_node_nothing_if_another_can(cluster):
    """The first of its Kafka servers is not there: it joins through the second, and leaves again."""
    guest = cluster.node("n4", "query")
    servers = ",".join(["127.0.0.1:1", *cluster.servers])
    guest.start(environment={"KILLRWEATHER_KAFKA_BOOTSTRAP_SERVERS": servers})
    patiently(lambda: states(cluster.any).get("n4") == "Up")

    assert guest.terminate() == 0
    patiently(lambda: "n4" not in states(cluster.any), 30)


SLOW = 200


def test_two_hundred_slow_clients_of_a_node_disturb_neither_it_nor_the_others(cluster, tables, year, tell):
    """Bodies that come a byte at a time: memory stays bounded, the node answers, and what it has no place for goes on.

    A load that begins at this node gets 429 there while all places are taken, and goes to another one.
    """
    node = cluster.nodes["n3"]
    door = next(psutil.Process(a["pid"]) for a in status_of(node)["node"]["actors"] if a["name"] == "http-feed")
    before = door.memory_info().rss
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 4 * SLOW)), hard))
    line = b"850009:00001,2012,03,01,00,5.0,-3.9,1020.4,270,4.6,2,0.0,0.0\n"
    head = f"POST /weather/data?format=csv HTTP/1.1\r\nHost: n3\r\nContent-Length: {len(line)}\r\n\r\n".encode()
    with contextlib.ExitStack() as opened:
        slow = []
        for _ in range(SLOW):
            one = opened.enter_context(socket.create_connection(("127.0.0.1", node.port), timeout=60))
            one.sendall(head)
            slow.append(one)
        with RunningLoad(starting_at(cluster, node), under_other_ids(year, 850_000), 0.0) as load:
            for begin in range(10):
                for one in slow:
                    one.sendall(line[begin : begin + 1])
                load.wait_for(200)
            grown = door.memory_info().rss - before
            ready = node.get("/ready").status_code
        for one in slow:
            one.sendall(line[10:])
        answers = [int(one.recv(4096).split()[1]) for one in slow]
    tell("memory of the door grew by, MB", round(grown / 1e6, 1))

    assert ready == 200
    assert grown < 150e6
    assert set(answers) <= {200, 202, 429, 503}
    assert_truth(tables, load.truth)


def test_a_node_that_is_asked_to_leave_hands_the_stream_over_and_is_gone(cluster, tables, year, tell):
    """``node leave`` asked of another node, under load: exit code 0, ``status`` shows two nodes and the new owner."""
    owner = cluster.owner()
    others = cluster.others(owner)
    with RunningLoad([node.url for node in others], under_other_ids(year, 860_000)) as load:
        load.wait_for(300)
        moved = events_after(cluster, "SingletonMoved")
        start, tree = time.monotonic(), owner.tree()
        left = others[0].run("node", "leave", owner.name)
        code = owner.ended(tree)
        tell("leave to its end, s", round(time.monotonic() - start, 2))
        event = moved()
        leaving = [e for e in cluster.events("MemberLeaving") if e["node"] == owner.name][-1]
        tell("MemberLeaving to SingletonMoved, s", (event["at"] - leaving["at"]).total_seconds())
        patiently(lambda: others[0].stream().get("state") == "running")
        tell("leave to the stream runs, s", round(time.monotonic() - start, 2))
        load.wait_for(300)
    nodes = others[0].json("status")["nodes"]

    assert left.stdout == ""
    assert code == 0, owner.last_words()
    assert {node["name"] for node in nodes} == {node.name for node in others}
    assert "stream" in cluster.owner().roles
    assert event["text"] == f"stream moved from {owner.name} to {cluster.owner().name}"
    assert_truth(tables, load.truth)


def assert_truth(tables, rows):
    """The tables are what pandas works out; a Cassandra that is too busy to let us in is asked again."""
    for left in range(9, -1, -1):
        try:
            return assert_exact(tables, rows)
        except Unavailable:
            if not left:
                raise


def starting_at(cluster, node):
    """All addresses, that of this node first."""
    return [node.url, *(url for url in cluster.urls if url != node.url)]


def events_after(cluster, kind):
    """A function that waits for the next event of a kind after now, asking any node that runs."""
    seen = len(cluster.events(kind))

    def wait():
        return patiently(lambda: (cluster.events(kind)[seen:] or [None])[0])

    return wait


def states(node):
    """The state of each node, as this one sees it."""
    return {member["name"]: member["state"] for member in node.view().get("members", ())}


def status_of(node):
    """What this very node says, without asking the owner of the stream."""
    return node.get("/status", node_only=True).json()


def generation(cluster):
    """The number of the owner that may write the stream's progress."""
    session = cassandra.connect(cluster.settings)
    try:
        keyspace = cluster.settings.cassandra.keyspace
        [row] = session.execute(f"SELECT DISTINCT group_id, topic, generation FROM {keyspace}.stream_progress")
        return row.generation
    finally:
        cassandra.close(session)
