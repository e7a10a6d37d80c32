"""JSON whose values are not a line each, an array or an object over several lines, as one value a line."""

import json
import re

from killrweather.errors import FormatError

_REST_OF_STRING = rb'[^"\\]*(?:\\.[^"\\]*)*"'
_STRING = b'"' + _REST_OF_STRING
_FLAT_OBJECT = rb'\{[^{}"\[\]]*(?:' + _STRING + rb'[^{}"\[\]]*)*\}'
_TOKEN = re.compile(_FLAT_OBJECT + b"|" + _STRING + rb'|["{}\[\],]', re.DOTALL)
"""A whole flat object in one step, else a whole string, else one character that means something."""

_END_OF_STRING = re.compile(_REST_OF_STRING, re.DOTALL)
_BLANK_LINE_ENDS = bytes.maketrans(b"\r\n", b"  ")


class Elements:
    """Passes blocks on with a line end after each element of an array, and after each object that is in none.

    Nothing is held back, so that the size of an element does not matter here, and only the nesting is looked at.
    """

    def __init__(self) -> None:
        self._in_array = False
        self._depth = 0
        """Brackets that are open, the array's own not counted."""
        self._in_string = False
        self._is_escaped = False
        """The block ended with the backslash of an escape."""

    def feed(self, block: bytes) -> bytes:
        """The block as lines of values."""
        block = block.translate(_BLANK_LINE_ENDS)
        start = 0
        if self._in_string:
            skipped = int(self._is_escaped and block != b"")
            found = _END_OF_STRING.match(block, skipped)
            if found is None:
                self._is_escaped = _ends_with_escape(block[skipped:]) or (self._is_escaped and not block)
                return block
            self._in_string, start = False, found.end()
        rest = block[start:]
        lines = block[:start] + _TOKEN.sub(self._replaced, rest)
        self._is_escaped = self._in_string and _ends_with_escape(rest)
        return lines

    def close(self) -> None:
        """The input has ended; FormatError if its array or object has not."""
        if self._in_array or self._depth or self._in_string:
            what = "array" if self._in_array else "object"
            raise FormatError(f"the JSON ends before its {what} does: was it copied or sent completely?")

    def _replaced(self, found: "re.Match[bytes]") -> bytes:
        token = found.group()
        if self._in_string:
            return token
        is_outermost = not self._depth and not self._in_array
        if len(token) > 1:
            return token + b"\n" if is_outermost and token.startswith(b"{") else token
        if token == b'"':
            self._in_string = True
        elif token == b",":
            return token if self._depth else b"\n" if self._in_array else b" "
        elif token == b"[" and is_outermost:
            self._in_array = True
            return b" "
        elif token in b"{[":
            self._depth += 1
        elif self._depth:
            self._depth -= 1
            return token + b"\n" if not self._depth and not self._in_array else token
        elif token == b"]" and self._in_array:
            self._in_array = False
            return b"\n"
        return token


def elements_of(first_bytes: bytes) -> Elements | None:
    """What makes lines of an input that begins so; None when it has one object a line already.

    One object over several lines is told from objects a line, of which the first may be broken, by its first two lines.
    """
    lines = [line for line in first_bytes.removeprefix(b"\xef\xbb\xbf").splitlines() if line.strip()]
    if not lines or not lines[0].lstrip().startswith((b"{", b"[")):
        return None
    first, second = lines[0].strip(), lines[1].strip() if len(lines) > 1 else b""
    if first.startswith(b"["):
        return Elements()
    goes_on = second and not second.startswith(b"{") and first.endswith((b"{", b",", b":", b"["))
    return Elements() if goes_on and not _is_whole(first) else None


def _is_whole(line: bytes) -> bool:
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True


def _ends_with_escape(text: bytes) -> bool:
    return (len(text) - len(text.rstrip(b"\\"))) % 2 == 1
