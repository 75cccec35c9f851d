"""What hypothesis draws programs from."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as some

from forkfuzz.scenarios.program import PageSpec

WORDS = 2
NAMES = "ABC"
KINDS = [
    *[""] * 3,
    *("pin", "pin-ro", "refs", "shared", "untouched", "read_only"),
    *("clean", "dontfork", "wipeonfork"),
]
MORE_KINDS = [*KINDS, "swapped", "prot-r", "prot-none", "file", "file-untouched"]
_ALONE = ("shared", "dontfork", "wipeonfork", "prot-r", "prot-none", "file")


def page_of(kinds: Sequence[str]) -> some.SearchStrategy[dict[str, object]]:
    """Return what to draw a page of one of *kinds* from."""
    return some.fixed_dictionaries(
        {"vma": some.booleans(), "kind": some.sampled_from(kinds)}
    )


PAGE = page_of(KINDS)


def specs_of(drawn: Sequence[dict[str, object]]) -> tuple[PageSpec, ...]:
    """Return pages A, B, ...; those with flags of their own in VMAs of their own."""
    specs: list[PageSpec] = []
    vma = 0
    for name, page in zip(NAMES, drawn, strict=False):
        kind = str(page["kind"])
        alone = kind.startswith(_ALONE)
        vma += bool(page["vma"]) or alone or (bool(specs) and _alone(specs[-1]))
        fields = _FIELDS.get(kind, {kind: True} if kind else {})
        spec = PageSpec(name, words=WORDS, vma=vma, **fields)  # type: ignore[arg-type]
        specs.append(spec)
    return tuple(specs)


_FIELDS: dict[str, dict[str, object]] = {
    "pin": {"pin": "rw"},
    "pin-ro": {"pin": "ro"},
    "refs": {"refs": 1023, "has_pinned": True},
    "prot-r": {"prot": "r"},
    "prot-none": {"prot": "none"},
    "file": {"file": True, "init": (5, 6)},
    "file-untouched": {"file": True, "untouched": True, "init": (5,)},
}


def _alone(spec: PageSpec) -> bool:
    flags = spec.shared or spec.dontfork or spec.wipeonfork or spec.file
    return flags or spec.prot != "rw"


PLACE = some.tuples(some.integers(0, 2), some.integers(0, WORDS - 1))
"""(number of a page, index of a word)."""
