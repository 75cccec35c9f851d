"""Numbers with the word for what they count."""

from __future__ import annotations


def counted(number: int, one: str, many: str = "") -> str:
    """Return such as ``1 run`` or ``2 runs``.

    Args:
        number: How many there are.
        one: What one of them is called.
        many: What others are called, if not the same with an s.
    """
    return f"{number} {one if number == 1 else many or one + 's'}"
