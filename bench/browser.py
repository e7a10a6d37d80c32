"""A browser to look at the pages with: the system's Chromium, else Playwright's own."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, Error, sync_playwright

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_INSTALL = "install one: apt-get install chromium, or: python -m playwright install --with-deps chromium"


@contextmanager
def chromium() -> Iterator[Browser]:
    """A headless browser; raises FileNotFoundError, with what to do, when there is none."""
    found = next((path for name in _NAMES if (path := shutil.which(name))), None)
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        except Error as error:
            raise FileNotFoundError(f"no Chromium ({found or 'none on the PATH'}: {error}); {_INSTALL}") from None
        yield browser
        browser.close()
