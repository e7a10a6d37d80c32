"""X-DATA-FEED: files below feed.directories, and none elsewhere."""

import os

import pytest
from web_stage import LINE, Browser, hour, problem_of, settings

from killrweather.errors import Forbidden
from killrweather.web.confinement import feed_files, open_inside


@pytest.fixture
def inside(tmp_path):
    directory = tmp_path / "inside"
    directory.mkdir()
    return directory


@pytest.fixture
def outside(tmp_path):
    file = tmp_path / "outside.csv"
    file.write_text(LINE)
    return file


@pytest.fixture
def feed(node, inside):
    """Posts the header to a node that allows the directory."""
    browser = Browser(node, settings(feed={"directories": [str(inside)]}))
    return lambda header, **options: browser.post("/weather/data", headers={"X-DATA-FEED": header}, **options)


def test_several_files_are_summed_and_told_one_by_one(feed, inside):
    """Names may be absolute, or relative to a feed directory."""
    (inside / "a.csv").write_text(hour(0) + hour(1))
    (inside / "b.csv").write_text(hour(2) + "junk\n")
    response = feed(f"{inside}/a.csv, b.csv")

    assert response.status_code == 202
    answer = response.json()
    assert (answer["read"], answer["accepted"], answer["rejected"]) == (4, 3, 1)
    assert [(file["path"], file["accepted"]) for file in answer["files"]] == [
        (f"{inside}/a.csv", 2),
        (f"{inside}/b.csv", 1),
    ]
    assert answer["rejects"][0]["source"] == "b.csv"


def test_a_directory_means_its_files(feed, inside):
    """In the order of their names; hidden ones are left out, and the sums that downloads keep beside their files."""
    (inside / "2008").mkdir()
    for name in ("b.csv", "a.csv", ".hidden.csv", "a.csv.sha256"):
        (inside / "2008" / name).write_text(hour(0))

    assert [file["path"][-5:] for file in feed("2008").json()["files"]] == ["a.csv", "b.csv"]


def test_a_file_that_cannot_be_read_does_not_keep_the_others_out(feed, inside):
    """Its result says why."""
    (inside / "a.bin").write_bytes(bytes(range(256)))
    (inside / "b.csv").write_text(hour(0))
    answer = feed("a.bin,b.csv").json()

    assert answer["accepted"] == 1
    assert "unknown format" in answer["files"][0]["problem"]
    assert answer["files"][1]["problem"] is None


def test_when_no_file_has_an_observation_the_answer_says_of_each_why(feed, inside):
    """422 with the problem of each file."""
    (inside / "a.csv").write_bytes(b"")

    document = problem_of(feed("a.csv"), 422, "nothing-accepted")
    assert "empty" in document["files"][0]["problem"]


@pytest.mark.parametrize("form", ["{outside}", "../outside.csv", "{inside}/../outside.csv", "/etc/passwd", "/no/such"])
def test_a_path_outside_is_forbidden(feed, node, inside, outside, form):
    """403 names the path and the setting, whether or not the file is there; nothing is read."""
    header = form.format(inside=inside, outside=outside)
    detail = problem_of(feed(header), 403, "forbidden")["detail"]

    assert header in detail
    assert "feed.directories" in detail
    assert node.asked == []


def test_one_path_outside_keeps_all_of_them_out(feed, node, inside, outside):
    """No file is read before every path was looked at."""
    (inside / "a.csv").write_text(LINE)
    problem_of(feed(f"a.csv,{outside}"), 403, "forbidden")

    assert node.asked == []


def test_a_symbolic_link_that_leads_outside_is_forbidden(feed, inside, outside):
    """As a file, and as a directory."""
    (inside / "link.csv").symlink_to(outside)
    (inside / "up").symlink_to(outside.parent)

    problem_of(feed("link.csv"), 403, "forbidden")
    problem_of(feed("up/outside.csv"), 403, "forbidden")


def test_a_symbolic_link_within_a_directory_that_leads_outside_is_forbidden(feed, inside, outside):
    """Naming the directory is no way round."""
    (inside / "2008").mkdir()
    (inside / "2008" / "link.csv").symlink_to(outside)

    problem_of(feed("2008"), 403, "forbidden")


def test_a_loop_of_links_is_an_error_and_no_crash(feed, inside):
    """The path is not allowed or not usable: a problem of the caller's."""
    (inside / "a").symlink_to(inside / "b")
    (inside / "b").symlink_to(inside / "a")

    assert feed("a").status_code in (403, 422)


def test_a_link_that_stays_inside_is_followed(feed, inside):
    """Where it leads decides."""
    (inside / "a.csv").write_text(LINE)
    (inside / "link.csv").symlink_to(inside / "a.csv")

    assert feed("link.csv").json()["accepted"] == 1


def test_without_feed_directories_no_file_may_be_named(node, outside):
    """403 says which setting allows it."""
    response = Browser(node, settings()).post("/weather/data", headers={"X-DATA-FEED": str(outside)})

    assert "feed.directories" in problem_of(response, 403, "forbidden")["detail"]


def test_a_missing_file_inside_is_named(feed):
    """422 with the name as it was given."""
    assert '"none.csv"' in problem_of(feed("none.csv"), 422, "bad-argument")["detail"]


def test_a_pipe_is_not_waited_for(feed, inside):
    """Only regular files are opened."""
    os.mkfifo(inside / "pipe")

    assert "not a regular file" in problem_of(feed("pipe"), 422, "bad-argument")["detail"]


@pytest.mark.parametrize("header", ["", " , "])
def test_an_empty_header_is_an_error(feed, header):
    """422 names it."""
    assert problem_of(feed(header), 422, "bad-argument")["argument"] == "X-DATA-FEED"


def test_a_header_and_a_body_contradict_each_other(feed, inside):
    """422: one of them."""
    (inside / "a.csv").write_text(LINE)

    assert "body" in problem_of(feed("a.csv", content=LINE), 422, "bad-argument")["detail"]


def test_what_is_swapped_for_a_link_after_the_check_is_not_opened(feed, node, inside, outside, monkeypatch):
    """Between looking at a path and opening it, its file or a directory above it becomes a link to the outside."""
    (inside / "2008").mkdir()
    for name in ("a.csv", "2008/a.csv"):
        (inside / name).write_text(LINE)

    def swapped(change):
        def found(*given):
            files = feed_files(*given)
            change()
            return files

        monkeypatch.setattr("killrweather.web.feed.feed_files", found)

    swapped(lambda: ((inside / "a.csv").unlink(), (inside / "a.csv").symlink_to(outside)))
    detail = problem_of(feed("a.csv"), 403, "forbidden")["detail"]
    swapped(lambda: ((inside / "2008").rename(inside / "was"), (inside / "2008").symlink_to(outside.parent)))
    problem_of(feed("2008/a.csv"), 403, "forbidden")

    assert "changed" in detail
    assert node.asked == []


def test_a_pipe_in_the_place_of_a_file_is_not_waited_for(inside):
    """Whoever swaps it in does not hold up the node."""
    os.mkfifo(inside / "a.csv")

    with pytest.raises(Forbidden, match="changed"):
        open_inside(inside / "a.csv")
