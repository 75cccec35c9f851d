"""The directives of a test."""

from __future__ import annotations

from typing import Any

import attrs

from forkfuzz.rules import FIELDS, PRESETS

from .grammar import Node, one_of
from .pages import Pages
from .source import Line
from .words import require_modelled

DIRECTIVES = ("rules", "page", "init", "hardware", "memory", "faults", "fail")
"""Their first words."""

FAIL_SITES = ("dup_mmap", "vm_area_dup", "copy_present_page")
"""Allocations of the model that can fail, in the order in which fork comes to them."""

MAX_FAILURES = 16


@attrs.define(slots=True)
class Settings:
    """What the directives read so far have set.

    Attributes:
        rules_text: Rules as `forkfuzz.rules.parse_rules` reads them; may be empty.
        pages: All pages.
        given: The directives there were.
    """

    rules_text: str = ""
    pages: Pages = attrs.field(factory=Pages)
    given: set[str] = attrs.field(factory=set)
    _values: dict[str, str] = attrs.field(factory=dict)
    _fail_sites: list[str] = attrs.field(factory=list)

    @property
    def faults_stop(self) -> bool:
        """Return whether a fault ends a thread."""
        return self._values.get("faults") == "stop"

    def program_fields(self) -> dict[str, Any]:
        """Return what is to be told to a program, beyond pages and threads."""
        fields: dict[str, Any] = {"fail_sites": tuple(self._fail_sites)}
        if self._values.get("hardware") == "lax":
            fields["hw_dirty_lax"] = True
        if self._values.get("hardware") == "none":
            fields["tlb_evictions"] = False
        if self.faults_stop:
            fields["faults_stop"] = True
        return fields

    def feed(self, line: Line, tree: Node) -> None:
        """Take in one directive."""
        name = tree.data
        if name in self.given and name not in ("page", "init", "fail"):
            raise line.again(line.start, name)
        self.given.add(name)
        match name:
            case "rules":
                self.rules_text = _rules(line, tree)
            case "page":
                self.pages.declare(line, tree)
            case "init":
                self.pages.set_word(line, tree)
            case "fail":
                self._fail(line, tree)
            case _:
                value = tree.children[0].children[0]
                require_modelled(line, line.start, f"{name} {value}")
                self._values[name] = str(value)

    def _fail(self, line: Line, tree: Node) -> None:
        (site,) = tree.children
        if site not in FAIL_SITES:
            raise line.wrong(site, f"an allocation site ({one_of(FAIL_SITES)})")
        if len(self._fail_sites) == MAX_FAILURES:
            raise line.wrong(line.start, f"at most {MAX_FAILURES} failures")
        self._fail_sites.append(str(site))


def _rules(line: Line, tree: Node) -> str:
    preset, *words = tree.children
    if preset not in PRESETS:
        raise line.wrong(preset, f"a preset of rules ({one_of(PRESETS)})")
    changes: dict[str, str] = {}
    for guard, value in zip(words[::2], words[1::2], strict=True):
        if guard not in FIELDS:
            raise line.wrong(guard, f"a rule ({one_of(FIELDS)})")
        values = FIELDS[str(guard)].metadata["values"]
        if value not in values:
            raise line.wrong(value, f"a value of '{guard}' ({one_of(values)})")
        if guard in changes:
            raise line.again(guard, str(guard))
        changes[str(guard)] = str(value)
    return ",".join([str(preset), *(f"{g}={v}" for g, v in changes.items())])
