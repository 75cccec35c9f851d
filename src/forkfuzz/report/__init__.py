"""What people read: race tables, step lists, records.

`record` replays a schedule and writes down what happened; everything else renders the
`Recording`. Whatever is rendered is printable ASCII.
"""

from .assumptions import ASSUMPTIONS, assumptions
from .campaign_page import Found, Progressed, campaign_page
from .difference import Difference, difference, difference_text
from .events import Choice, Event, Recording, Step, Waiting
from .mermaid import mermaid
from .page import html_page
from .race import race_rows, race_table
from .recording import Tape, moments, record
from .records import emit, json_lines, records
from .sanitize import printable
from .states import Camera, Moment
from .steps import describe, step_list
from .svg import svg
from .text import violation_text

__all__ = [
    "ASSUMPTIONS",
    "Camera",
    "Choice",
    "Difference",
    "Event",
    "Found",
    "Moment",
    "Progressed",
    "Recording",
    "Step",
    "Tape",
    "Waiting",
    "assumptions",
    "campaign_page",
    "describe",
    "difference",
    "difference_text",
    "emit",
    "html_page",
    "json_lines",
    "mermaid",
    "moments",
    "printable",
    "race_rows",
    "race_table",
    "record",
    "records",
    "step_list",
    "svg",
    "violation_text",
]
