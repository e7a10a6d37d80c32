"""Which files of this machine a request may name: those below feed.directories, wherever symbolic links lead."""

import errno
import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

from killrweather.errors import BadRequest, Forbidden
from killrweather.feed.formats import may_be_data

HEADER = "X-DATA-FEED"
_STEP = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def feed_files(names: Sequence[str], directories: Sequence[Path]) -> list[Path]:
    """The files that ``names`` mean, those of a directory in the order of their names; each path fully resolved.

    A relative name is looked for in each feed directory, then in the working directory. Raises Forbidden for
    what leads outside, whether or not it is there, and BadRequest for what is missing inside.
    """
    roots = [directory.expanduser().resolve() for directory in directories]
    return [file for name in names for file in _files_of(name, roots)]


def open_inside(path: Path) -> IO[bytes]:
    """Open a file that ``feed_files`` found, which is where it says: no link is followed on the way to it.

    Raises Forbidden when a link, or what is no regular file, has taken the place of a part of the path since then.
    """
    place = os.open(path.anchor, _STEP)
    try:
        for part in path.parts[1:-1]:
            inner = os.open(part, _STEP, dir_fd=place)
            os.close(place)
            place = inner
        # O_NONBLOCK, because whoever opens a pipe waits for its other end
        file = os.open(path.name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=place)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENOTDIR):
            raise _changed(path) from None
        raise OSError(error.errno, error.strerror, str(path)) from None
    finally:
        os.close(place)
    if not stat.S_ISREG(os.fstat(file).st_mode):
        os.close(file)
        raise _changed(path)
    return os.fdopen(file, "rb")


def _changed(path: Path) -> Forbidden:
    return Forbidden(f'{HEADER} "{path}": changed into a link or no file while it was looked at; send it again')


def _files_of(name: str, roots: Sequence[Path]) -> Iterator[Path]:
    path = _inside(name, roots)
    if path.is_file():
        yield path
    elif path.is_dir():
        found = [_confined(file, roots) for file in sorted(path.rglob("*")) if not _is_hidden(file.relative_to(path))]
        files = [file for file in found if file.is_file() and may_be_data(file)]
        if not files:
            raise BadRequest(f'{HEADER} "{name}": the directory has no files, expected at least one', HEADER)
        yield from files
    else:
        state = "not a regular file" if path.exists() else "no such file"
        raise BadRequest(f'{HEADER} "{name}": {state}, expected a file or a directory on the node', HEADER)


def _inside(name: str, roots: Sequence[Path]) -> Path:
    given = Path(name)
    candidates = [given] if given.is_absolute() else [*(root / given for root in roots), given.absolute()]
    resolved = [path for path in (_resolved(candidate) for candidate in candidates) if _is_below(path, roots)]
    if not resolved:
        raise _forbidden(name, roots)
    return next((path for path in resolved if path.exists()), resolved[0])


def _confined(file: Path, roots: Sequence[Path]) -> Path:
    path = _resolved(file)
    if not _is_below(path, roots):
        raise _forbidden(str(file), roots)
    return path


def _resolved(path: Path) -> Path:
    try:
        return path.resolve()
    except (OSError, RuntimeError, ValueError) as error:  # a loop of links, a NUL in the name
        raise BadRequest(f"{HEADER} {str(path)!r}: {error}, expected a path on the node", HEADER) from None


def _is_below(path: Path, roots: Sequence[Path]) -> bool:
    return any(path == root or root in path.parents for root in roots)


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def _forbidden(name: str, roots: Sequence[Path]) -> Forbidden:
    allowed = ", ".join(str(root) for root in roots) or "no directory"
    return Forbidden(f'{HEADER} "{name}": outside the directories that the setting feed.directories allows ({allowed})')
