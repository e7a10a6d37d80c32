"""Which files of this machine a request may name: those below feed.directories, wherever symbolic links lead."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from killrweather.errors import BadRequest, Forbidden
from killrweather.feed.formats import may_be_data

HEADER = "X-DATA-FEED"


def feed_files(names: Sequence[str], directories: Sequence[Path]) -> list[Path]:
    """The files that ``names`` mean, those of a directory in the order of their names; each path fully resolved.

    A relative name is looked for in each feed directory, then in the working directory. Raises Forbidden for
    what leads outside, whether or not it is there, and BadRequest for what is missing inside.
    """
    roots = [directory.expanduser().resolve() for directory in directories]
    return [file for name in names for file in _files_of(name, roots)]


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
