"""What may be printed: printable ASCII, whatever a file or a program's name holds.

Nothing that comes from outside is shown beyond a length that anybody would read. What
is cut ends in digits of its digest, so that two long names that differ stay different.
"""

from __future__ import annotations

import hashlib
import os
import shlex

LONGEST = 1000
"""Characters of the longest text that is shown whole."""

LONGEST_NAME = 64
"""Characters of the longest name that is shown whole; litmus tests allow no more."""

LONGEST_TITLE = 200
"""The same of a scenario with its parameters; stored schedules allow no more."""

_DIGITS = 8
_ESCAPES = {
    code: chr(code).encode("unicode_escape").decode("ascii")
    for code in (*range(ord(" ")), 0x7F)
}


def escaped(text: str) -> str:
    """Return *text* with everything but printable ASCII written as an escape."""
    if text.isascii() and text.isprintable():
        return text
    return text.translate(_ESCAPES).encode("ascii", "backslashreplace").decode("ascii")


def printable(text: str, longest: int = LONGEST) -> str:
    """Return *text* escaped, and cut if that is longer than *longest*."""
    start = escaped(text[: longest + 1])
    if len(start) <= longest:
        return start
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    end = f"..{digest[:_DIGITS]}"
    return start[: longest - len(end)] + end


def quoted(path: str) -> str:
    """Return a path as an argument in a shell, in printable ASCII."""
    if path.startswith("-"):
        path = f"./{path}"
    if path.isascii() and path.isprintable():
        return shlex.quote(path)
    bytes_ = "".join(_in_quotes(byte) for byte in os.fsencode(path))
    return f"$'{bytes_}'"


def _in_quotes(byte: int) -> str:
    kept = " " <= chr(byte) <= "~" and chr(byte) not in "'\\"
    return chr(byte) if kept else f"\\{byte:03o}"


def brief(name: str) -> str:
    """Return a name as reports show it: escaped, and at most 64 characters."""
    return printable(name, LONGEST_NAME)
