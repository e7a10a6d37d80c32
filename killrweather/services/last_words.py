"""Why a Java service died, in one line, from what it wrote before."""

import re

_ERROR = re.compile(r"^\S+ \S+ (?:ERROR|FATAL)\s+\S+ (?P<message>.*)$")
_EXCEPTION = re.compile(
    r"^(?:Caused by: |Exception in thread \"[^\"]*\" )?(?P<name>(?:[a-z_]\w*\.)+[A-Z][\w$]*)(?:: (?P<text>.*))?$"
)
_ADVICE = {
    "No space left on device": "make room on the disk",
    "Insufficient disk space": "make room on the disk",
    # What a write to a memory-mapped file becomes when the disk is full.
    "unsafe memory access operation": "make room on the disk",
    "Address already in use": "end the process that uses the port, or set another one",
    "UnsupportedClassVersionError": "set services.java_home to a Java 17",
    "OutOfMemoryError": "give the service more memory: services.{name}.heap",
    "heap size": "correct services.{name}.heap",
    "Could not reserve enough space": "give the service less memory: services.{name}.heap",
    "Permission denied": "give the user of this process the right to write there",
}


def last_words(log: str, output: str) -> str:
    """The last error of a log with its deepest cause, else that of a process's plain output, else how that begins."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    # A JVM that can't start says why first and that it couldn't afterwards.
    return _last_error(log) or _last_error(output) or "; ".join(lines[:2]) or "it said nothing"


def _last_error(text: str) -> str:
    message, cause = "", ""
    for line in text.splitlines():
        if error := _ERROR.match(line):
            message, cause = error["message"].strip(), ""
        elif exception := _EXCEPTION.match(line):
            cause = f"{exception['name'].rsplit('.', 1)[-1]}: {exception['text'] or 'no text'}"
    return ": ".join(part for part in (message.rstrip(":. "), cause) if part)


def advice(words: str, name: str) -> str:
    """What to do about these last words of a service, as far as they are known."""
    known = (hint.format(name=name) for needle, hint in _ADVICE.items() if needle in words)
    return next(known, f"if its data is damaged, restore it or move services.{name}.directory away")
