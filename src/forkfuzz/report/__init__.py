"""What people read: race tables, step lists, records.

`record` replays a schedule and writes down what happened; everything else renders the
`Recording`. Whatever is rendered is printable ASCII.
"""

from .assumptions import ASSUMPTIONS, assumptions
from .difference import Difference, difference, difference_text
from .events import Choice, Event, Recording, Step, Waiting
from .page import html_page
from .race import race_rows, race_table
from .recording import record
from .records import emit, json_lines, records
from .sanitize import printable
from .steps import step_list
from .text import violation_text

__all__ = [
    "ASSUMPTIONS",
    "Choice",
    "Difference",
    "Event",
    "Recording",
    "Step",
    "Waiting",
    "assumptions",
    "difference",
    "difference_text",
    "emit",
    "html_page",
    "json_lines",
    "printable",
    "race_rows",
    "race_table",
    "record",
    "records",
    "step_list",
    "violation_text",
]
