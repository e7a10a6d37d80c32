"""What Tab offers: fixed names, what a running node knows, and nothing at all where something is wrong."""

import os
import subprocess
import sys
from dataclasses import replace

import httpx
import pytest
from cli_stage import Node
from hypothesis import given
from hypothesis import strategies as st
from test_cli import COMMANDS
from typer.main import get_command
from web_stage import status

from killrweather import cli
from killrweather.cli import completions
from killrweather.cli.bash_words import rejoin
from killrweather.messages.cluster import ClusterView, Member
from killrweather.messages.node import Status
from killrweather.model.station import WeatherStation
from killrweather.processes import free_port

STATIONS = [
    WeatherStation("725020:14734", "Newark"),
    WeatherStation("725030:14732", "La Guardia"),
    WeatherStation("725030:99999"),
    WeatherStation("744860:94789", "Kennedy"),
]
MEMBERS = (Member("node-1", "1", "http://n1", (), "1", 1, "Up"), Member("node-2", "2", "http://n2", (), "1", 2, "Down"))


@pytest.fixture
def node(monkeypatch):
    """A node that knows some stations and nodes."""
    node = Node()
    seen = replace(status(ready=True), cluster=ClusterView("1", 1, MEMBERS))
    node.answers = {"/weather/stations": STATIONS, "/status": Status(seen, None)}
    monkeypatch.setattr(httpx.HTTPTransport, "handle_request", node.answer)
    return node


@pytest.fixture
def tab(monkeypatch, capsys, tmp_path):
    """What bash is offered for the last of some words, as bash divides them."""
    monkeypatch.chdir(tmp_path)

    def press(*words):
        monkeypatch.setenv("_KILLRWEATHER_COMPLETE", "complete_bash")
        monkeypatch.setenv("COMP_WORDS", "\n".join(["killrweather", *words]))
        monkeypatch.setenv("COMP_CWORD", str(len(words)))
        monkeypatch.delenv("_KILLRWEATHER_BEFORE_COLON", raising=False)
        monkeypatch.setattr(sys, "argv", ["killrweather"])
        with pytest.raises(SystemExit) as leaving:
            cli.main()
        written = capsys.readouterr()
        assert (leaving.value.code, written.err) == (0, "")
        return written.out.split()

    return press


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["query", "d"], ["daily"]),
        (["query", "current", "74"], ["744860:94789"]),
        (["query", "current", "725030"], ["725030:14732", "725030:99999"]),
        (["query", "current", "725030", ":"], ["14732", "99999"]),
        (["query", "current", "725030", ":", "1"], ["14732"]),
        (["query", "current", "725030", ":", "14732", "--js"], ["--json"]),
        (["query", "sky", "1"], [str(code) for code in (1, *range(10, 20))]),
        (["recompute", "--wsid", "744"], ["744860:94789"]),
        (["load", "--format", "i"], ["isd-lite"]),
        (["rejected", "show", "--origin", ""], ["feed", "stream"]),
        (["rejected", "retry", "--format", "g"], ["ghcnh"]),
        (["fetch", "--format", ""], ["auto", "isd-lite", "ghcnh"]),
        (["status", "--wait", "r"], ["ready"]),
        (["node", "start", "--roles", "s"], ["stream"]),
        (["node", "start", "--roles", "feed,stream,q"], ["feed,stream,query"]),
        (["node", "leave", "n"], ["node-1", "node-2"]),
    ],
    ids=" ".join,
)  # fmt: skip
def test_a_value_is_offered(node, tab, words, offered):
    """Of each kind: commands, stations, codes, formats, roles, nodes."""
    assert sorted(tab(*words)) == sorted(offered)


def test_a_node_is_asked_with_little_patience(node, tab):
    """Whoever pressed Tab waits for it."""
    tab("query", "current", "72")

    assert node.asked == [("/weather/stations", {"search": "72", "limit": "100"})]
    assert node.timeouts[0] < 1


@pytest.mark.parametrize("problem", [httpx.ConnectError("away"), KeyError("wsid"), ValueError("no JSON")])
def test_a_node_that_cannot_answer_offers_nothing_in_silence(node, tab, problem):
    """Neither an error nor a traceback stands in a half-typed line."""
    node.problem = problem

    assert tab("query", "current", "7") == []
    assert tab("node", "leave", "") == []


def test_a_configuration_that_is_wrong_offers_nothing_in_silence(node, tab):
    """The command itself will say so."""
    assert tab("query", "current", "--config", "nowhere.yaml", "7") == []


def test_the_description_of_a_value_comes_with_it(node, monkeypatch, tmp_path):
    """For shells that show it."""
    monkeypatch.chdir(tmp_path)
    context = type("Context", (), {"params": {}})()

    assert completions.stations(context, "725030:14")[0] == ("725030:14732", "La Guardia")
    assert completions.nodes(context, "node-2") == [("node-2", "Down")]


WORD = st.text("ab-725", min_size=1)


@given(st.lists(WORD, min_size=1), WORD, WORD)
def test_words_that_a_colon_divides_are_one_again(before, usaf, wban):
    """Before the word that is completed, and in it: what is completed is only the part after the colon."""
    assert rejoin([*before, usaf, ":", wban, "x"]) == ([*before, f"{usaf}:{wban}", "x"], "")
    assert rejoin([*before[:0], "killrweather", usaf, ":", wban]) == (["killrweather", wban], f"{usaf}:")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_has_its_script(shell, tmp_path):
    """``--show-completion`` prints it, for the shell that is named by the environment where none is found."""
    environment = {
        **os.environ,
        "_KILLRWEATHER_COMPLETE": f"source_{shell}",
        "KILLRWEATHER_HTTP_PORT": str(free_port()),
    }
    done = subprocess.run(
        [sys.executable, "-m", "killrweather"], capture_output=True, text=True, env=environment, timeout=60
    )

    assert done.returncode == 0
    assert f"complete_{shell}" in done.stdout


def test_completion_can_be_installed():
    """The options of typer are there, and every station of a command can be completed."""
    options = {option for parameter in get_command(cli.app).params for option in parameter.opts}
    without = [
        name
        for name, command in COMMANDS.items()
        for parameter in command.params
        if parameter.name == "wsid" and parameter._custom_shell_complete is None
    ]

    assert {"--install-completion", "--show-completion"} <= options
    assert without == []
