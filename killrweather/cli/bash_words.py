"""bash takes a station id for three words: it breaks 725030:14732 at the colon, and completes what comes after it."""

from collections.abc import MutableMapping, Sequence

_WORDS, _AT, _BEFORE = "COMP_WORDS", "COMP_CWORD", "_KILLRWEATHER_BEFORE_COLON"


def mend(environ: MutableMapping[str, str]) -> None:
    """Put the words that bash hands to a completion together again; ``before_colon`` tells what it completes after."""
    words, at = environ[_WORDS].split("\n"), int(environ[_AT])
    words, before = rejoin(words[: at + 1])
    environ[_WORDS], environ[_AT], environ[_BEFORE] = "\n".join(words), str(len(words) - 1), before


def before_colon(environ: MutableMapping[str, str]) -> str:
    """What stands before the part of the word that bash completes, for example ``725030:``; mostly nothing."""
    return environ.get(_BEFORE, "")


def rejoin(words: Sequence[str]) -> tuple[list[str], str]:
    """The words with those that a colon divides as one; of the last only the part after it, and the part before."""
    joined: list[str] = []
    for word in words:
        if joined and (word == ":" or joined[-1].endswith(":")):
            joined[-1] += word
        else:
            joined.append(word)
    before, colon, last = joined[-1].rpartition(":")
    return [*joined[:-1], last], before + colon
