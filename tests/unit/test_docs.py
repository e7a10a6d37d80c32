"""Reference pages agree with the code they are about."""

import re
from pathlib import Path

import pytest

from docs import reference

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    "page", [reference.configuration, reference.commands, reference.metrics], ids=lambda page: page.__name__
)
def test_a_reference_page_is_what_the_code_says(page):
    """`make docs` would change nothing."""
    written = (ROOT / "docs" / f"{page.__name__}.md").read_text(encoding="utf-8")

    assert written == page()


def test_every_test_that_the_guarantees_name_is_there():
    """A promise about a crash names a test, and the test exists."""
    text = (ROOT / "docs" / "delivery-guarantees.md").read_text(encoding="utf-8")
    files = sorted((ROOT / "tests").rglob("test_*.py"))
    source = "".join(path.read_text(encoding="utf-8") for path in files)
    names = set(re.findall(r"`(test_\w+)", text))

    assert names
    for name in names:
        assert f"def {name}(" in source, name
    for victim in re.findall(r"…\[([\w-]+)\]", text):
        assert f'"{victim}"' in source or f"{victim}-1" in source, victim


def test_every_link_between_the_pages_leads_somewhere():
    """No page names a file that is not there."""
    for page in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.relative_to(ROOT)}: {target}"
