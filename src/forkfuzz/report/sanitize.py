"""What may be printed: printable ASCII, whatever a file or a program's name holds."""

from __future__ import annotations


def printable(text: str) -> str:
    """Return *text* with everything but printable ASCII written as an escape."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        c if " " <= c <= "~" else c.encode("unicode_escape").decode("ascii")
        for c in text
    )
