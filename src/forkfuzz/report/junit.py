"""A run as the result of a test, in the XML that continuous integration reads."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from forkfuzz.checkers import Violation
from forkfuzz.rules import format_rules

from .recording.events import Recording
from .sanitize import LONGEST_TITLE, printable
from .text import violation_text
from .words import shown


def junit_xml(
    recording: Recording, violation: Violation | None = None, *, named: str = ""
) -> str:
    """Return a run as one test case, whose name stays when the bug is fixed.

    The failure is of the type of the property; its text is what `violation_text` says
    of every violation of the run. There are no times: the model has no clock.

    Args:
        recording: The run.
        violation: What the test fails of; by default what a program can see, if any.
        named: What commands call the run, quoted for a shell; by default the signature.
    """
    first = violation or recording.result.headline()
    scenario = printable(recording.program.name, LONGEST_TITLE)
    rules = format_rules(recording.rules)
    counts = {"tests": "1", "failures": str(int(first is not None))}
    counts |= {"errors": "0", "skipped": "0"}
    root = ET.Element("testsuites", {"name": "forkfuzz", **counts})
    suite = ET.SubElement(root, "testsuite", {"name": scenario, **counts})
    case = {"classname": "forkfuzz", "name": f"{scenario} under {rules}"}
    test = ET.SubElement(suite, "testcase", case)
    if first is not None:
        message = shown(recording.program, first.message)
        about = {"type": first.prop, "message": message}
        failure = ET.SubElement(test, "failure", about)
        failure.text = f"\n{_text(recording, first, named)}\n"
    ET.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, "unicode")}'


def _text(recording: Recording, first: Violation, named: str) -> str:
    others = [other for other in recording.result.violations if other != first]
    return "\n\n".join(
        violation_text(recording, one, named=named) for one in (first, *others)
    )
