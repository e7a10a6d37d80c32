"""Downloads go on where they broke, and are never put together from two versions."""

import hashlib
import os
import subprocess

import pytest
from download_stage import CHANGED_AT, file_server
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from killrweather.download import MAX_FAILURES, download
from killrweather.errors import KillrWeatherError, NoData, Unavailable

CONTENT = bytes(range(256)) * 4_000
SUM = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def server():
    with file_server() as found:
        found.files["a/file.gz"] = CONTENT
        yield found


@pytest.fixture
def target(tmp_path):
    return tmp_path / "new" / "file.gz"


def fetch(server, target, **options):
    return download(f"{server.url}/a/file.gz", target, pause_s=0, **options)


def test_a_file_is_there_whole_with_its_sum_and_its_time(server, target):
    """Nothing else stays; the sum is as sha256sum reads it."""
    found = fetch(server, target)

    assert target.read_bytes() == CONTENT
    assert (found.path, found.bytes, found.sha256, found.is_new) == (target, len(CONTENT), SUM, True)
    assert sorted(os.listdir(target.parent)) == ["file.gz", "file.gz.sha256"]
    assert target.stat().st_mtime == CHANGED_AT
    assert (
        subprocess.run(["sha256sum", "--check", "--quiet", "file.gz.sha256"], cwd=target.parent, check=False).returncode
        == 0
    )


def test_a_cut_connection_goes_on_where_it_broke(server, target):
    """Every byte comes once."""
    server.cuts = [300_000, 1, 200_000]
    fetch(server, target)

    assert target.read_bytes() == CONTENT
    assert server.sent == len(CONTENT)
    assert [asked.get("range") for asked in server.asked] == [None, "bytes=300000-", "bytes=300001-", "bytes=500001-"]


def test_a_connection_may_break_any_number_of_times_as_long_as_bytes_come(server, target):
    """Only tries in a row that bring none are counted."""
    server.cuts = [1_000] * (3 * MAX_FAILURES)

    assert fetch(server, target).sha256 == SUM


def test_a_later_run_goes_on_with_what_an_earlier_one_kept(server, target):
    """The error of the first says how much is kept and what to do."""
    server.cuts = [300_000, *[0] * MAX_FAILURES]
    with pytest.raises(Unavailable, match=r"file\.gz: .*300,000 bytes are kept, run it again to go on"):
        fetch(server, target)
    assert not target.exists()
    fetch(server, target)

    assert target.read_bytes() == CONTENT
    assert server.sent == len(CONTENT)


def test_a_file_that_changed_meanwhile_is_fetched_from_its_beginning(server, target):
    """The server is asked to go on only with the same version."""
    server.cuts = [300_000, *[0] * MAX_FAILURES]
    with pytest.raises(Unavailable):
        fetch(server, target)
    server.files["a/file.gz"] = CONTENT[::-1]
    fetch(server, target)

    assert target.read_bytes() == CONTENT[::-1]


@pytest.mark.parametrize("lack", ["tells_versions", "knows_ranges"])
def test_a_server_that_cannot_go_on_sends_all_again(server, target, lack):
    """The file is right all the same."""
    setattr(server, lack, False)
    server.cuts = [300_000]
    fetch(server, target)

    assert target.read_bytes() == CONTENT
    assert server.sent == len(CONTENT) + 300_000


def test_a_part_that_is_as_long_as_the_file_is_not_asked_for_more_for_ever(server, target):
    """It ended between the last byte and the new name."""
    server.cuts = [300_000, *[0] * MAX_FAILURES]
    with pytest.raises(Unavailable):
        fetch(server, target)
    with (target.parent / ".file.gz.part").open("ab") as part:
        part.write(CONTENT[300_000:])
    fetch(server, target)

    assert target.read_bytes() == CONTENT


def test_what_is_there_comes_again_only_when_there_is_a_newer_one(server, target):
    """A second download of the same costs no byte; a newer one takes its place."""
    fetch(server, target)
    again = fetch(server, target)
    sent = server.sent
    server.files["a/file.gz"], server.changed_at = b"newer", CHANGED_AT + 60
    newer = fetch(server, target)

    assert (again.is_new, again.sha256, sent) == (False, SUM, len(CONTENT))
    assert (newer.is_new, target.read_bytes()) == (True, b"newer")


def test_what_was_damaged_on_disk_comes_again(server, target):
    """Its sum does not say so any more."""
    fetch(server, target)
    damaged = bytearray(CONTENT)
    damaged[5] ^= 1
    target.write_bytes(damaged)
    os.utime(target, (CHANGED_AT, CHANGED_AT))
    found = fetch(server, target)

    assert found.is_new
    assert target.read_bytes() == CONTENT


@pytest.mark.parametrize("code", [429, 500, 503])
def test_a_busy_server_is_asked_again(server, target, code):
    """A few times."""
    server.codes = [code, code]

    assert fetch(server, target).sha256 == SUM


def test_a_file_that_is_not_there_is_no_data(server, target):
    """The error has the URL, and nothing is left behind."""
    del server.files["a/file.gz"]

    with pytest.raises(NoData, match=r"/a/file\.gz: there is no such file \(404\)"):
        fetch(server, target)
    assert os.listdir(target.parent) == []
    assert len(server.asked) == 1


def test_a_refusal_is_told_at_once(server, target):
    """403 is not asked again."""
    server.codes = [403]

    with pytest.raises(KillrWeatherError, match="the server answered 403, expected the file"):
        fetch(server, target)
    assert len(server.asked) == 1


def test_a_server_that_is_away_is_told(target):
    """One line with the URL."""
    with pytest.raises(Unavailable, match=r"^http://127\.0\.0\.1:9/x: .*refused"):
        download("http://127.0.0.1:9/x", target, pause_s=0)


def test_a_directory_that_cannot_be_made_is_named(server, tmp_path):
    """A file stands in its place."""
    (tmp_path / "file").write_text("")

    with pytest.raises(KillrWeatherError, match=r"file/file\.gz: .*expected a file that can be written"):
        fetch(server, tmp_path / "file" / "file.gz")


def test_progress_is_told_in_bytes_of_all(server, target):
    """It never goes back, and ends with every byte."""
    seen = []
    server.cuts = [300_000]
    fetch(server, target, report=lambda done, total: seen.append((done, total)))

    assert seen == sorted(seen)
    assert seen[-1] == (len(CONTENT), len(CONTENT))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.integers(0, 40_000), max_size=MAX_FAILURES - 1), st.binary(max_size=100_000))
def test_wherever_connections_break_the_bytes_are_the_servers(server, tmp_path_factory, cuts, content):
    """Each byte comes once, whatever the file is."""
    server.files["a/file.gz"], server.cuts, server.sent = content, list(cuts), 0
    target = tmp_path_factory.mktemp("download") / "file.gz"
    found = fetch(server, target)

    assert target.read_bytes() == content
    assert (found.bytes, server.sent) == (len(content), len(content))
