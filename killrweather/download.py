"""Downloads of large files over bad lines: what has come is kept, and the next try asks for the rest.

NAME            the whole file, with the server's time of its last change
NAME.sha256     its sum
.NAME.part      what has come so far
.NAME.part.of   which version of the file that belongs to, so that two are never put together
"""

import os
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import formatdate, parsedate_to_datetime
from pathlib import Path

import httpx

from killrweather.checksum import keep_sum, kept_sum, sha256
from killrweather.errors import KillrWeatherError, NoData, Unavailable

MAX_FAILURES = 5
"""Tries in a row that bring not one byte, before a download is given up."""

_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.2, 10.0
_TIMEOUT_S = 30.0
_BUSY = (429, 500, 502, 503, 504)
_CONTENT_RANGE = re.compile(r"bytes ([0-9]+)-[0-9]+/([0-9]+|\*)")

Report = Callable[[int, int | None], None]
"""Told how many bytes are here, and of how many if the server says that."""


@dataclass(frozen=True)
class Downloaded:
    """A file that is here whole."""

    path: Path
    url: str
    bytes: int
    sha256: str
    is_new: bool
    """False when the server had nothing newer than what was here."""


class _TryAgain(Exception):
    """The server can't answer now, or not all of the file came."""


class _CannotGoOn(_TryAgain):
    """What has come is not the beginning of what the server has: it is thrown away."""


def download(
    url: str, target: Path, report: Report = lambda done, total: None, pause_s: float = _FIRST_WAIT_S
) -> Downloaded:
    """Have the newest version of a file; what is here, whole or in part, is not fetched again.

    A connection that breaks is opened anew after ``pause_s``, then after longer, and goes on where it broke.
    Raises NoData when the server has no such file, Unavailable when it stays away.
    """
    part = target.with_name(f".{target.name}.part")
    failures = 0
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with httpx.Client(timeout=_TIMEOUT_S, follow_redirects=True, headers={"Accept-Encoding": "identity"}) as client:
            while True:
                before = _size(part)
                try:
                    return _try(client, url, target, part, report)
                except (httpx.TransportError, _TryAgain) as error:
                    if isinstance(error, _CannotGoOn):
                        part.unlink(missing_ok=True)
                    failures = 0 if _size(part) > before else failures + 1
                    if failures >= MAX_FAILURES:
                        kept = f"; {_size(part):,} bytes are kept, run it again to go on" if _size(part) else ""
                        raise Unavailable(f"{url}: {error or type(error).__name__}{kept}") from error
                    time.sleep(min(pause_s * 2**failures, _LONGEST_WAIT_S))
    except httpx.InvalidURL as error:
        raise KillrWeatherError(f"{url}: {error}, expected a URL of http or https") from error
    except OSError as error:
        raise KillrWeatherError(f"{target}: {error.strerror or error}, expected a file that can be written") from error


def _try(client: httpx.Client, url: str, target: Path, part: Path, report: Report) -> Downloaded:
    version = part.with_name(f"{part.name}.of")
    have = _size(part) if version.exists() else 0
    whole = kept_sum(target) if target.exists() else None
    if whole is not None and sha256(target) != whole:
        whole = None
    headers = {}
    if have:
        headers = {"Range": f"bytes={have}-", "If-Range": version.read_text(encoding="utf-8")}
    elif whole is not None:
        headers = {"If-Modified-Since": formatdate(target.stat().st_mtime, usegmt=True)}
    with client.stream("GET", url, headers=headers) as response:
        if response.status_code == 304 and whole is not None:
            return Downloaded(target, url, _size(target), whole, is_new=False)
        _check(response)
        if response.status_code == 206:
            total = _total_of_range(response, have)
        else:
            length = response.headers.get("Content-Length", "")
            have, total = 0, int(length) if length.isdigit() else None
        if not have:
            part.unlink(missing_ok=True)
            _note_version(version, response)
        with part.open("ab") as file:
            for block in response.iter_raw():
                file.write(block)
                have += len(block)
                report(have, total)
        changed = response.headers.get("Last-Modified")
    if total is not None and have != total:
        raise _CannotGoOn(f"{have:,} bytes came, expected {total:,}")
    found = sha256(part)
    part.replace(target)
    version.unlink(missing_ok=True)
    keep_sum(target, found)
    if changed:
        seconds = parsedate_to_datetime(changed).timestamp()
        os.utime(target, (seconds, seconds))
    return Downloaded(target, url, have, found, is_new=True)


def _check(response: httpx.Response) -> None:
    """Raise what a response stands for that does not bring the file."""
    code = response.status_code
    if code in (404, 410):
        raise NoData(f"{response.url}: there is no such file ({code})")
    if code in _BUSY:
        raise _TryAgain(f"the server answered {code}")
    if code == 416:
        raise _CannotGoOn("the server has no bytes after those that are here")
    if code not in (200, 206):
        raise KillrWeatherError(f"{response.url}: the server answered {code}, expected the file")


def _total_of_range(response: httpx.Response, have: int) -> int | None:
    found = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", ""))
    if found is None or int(found.group(1)) != have:
        raise _CannotGoOn(f"the server did not go on from byte {have:,}")
    return int(found.group(2)) if found.group(2) != "*" else None


def _note_version(version: Path, response: httpx.Response) -> None:
    """Keep what tells this version of the file from others; without it nothing can be gone on with."""
    tag = response.headers.get("ETag", "")
    told = tag if tag.startswith('"') else response.headers.get("Last-Modified", "")
    if told:
        version.write_text(told, encoding="utf-8")
    else:
        version.unlink(missing_ok=True)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
