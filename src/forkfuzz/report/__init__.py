"""What people read: race tables, step lists, records.

`record` replays a schedule and writes down what happened; everything else renders the
`Recording`. Whatever is rendered is printable ASCII.
"""

from .assumptions import ASSUMPTIONS, assumptions
from .campaign_page import Found, Progressed, campaign_page
from .difference import Difference, difference, difference_text
from .events import Choice, Event, Recording, Step, Waiting
from .junit import junit_xml
from .mermaid import mermaid_diagram
from .page import html_page
from .perfetto import perfetto_trace, trace_events
from .race import race_rows, race_table
from .recording import Tape, moments, record
from .records import emit, json_lines, records
from .sanitize import printable
from .sarif import sarif_log
from .schema import records_schema
from .states import Camera, Moment
from .steps import describe, step_list
from .svg import svg_picture
from .text import violation_text
from .words import shown

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
    "junit_xml",
    "mermaid_diagram",
    "moments",
    "perfetto_trace",
    "printable",
    "race_rows",
    "race_table",
    "record",
    "records",
    "records_schema",
    "sarif_log",
    "shown",
    "step_list",
    "svg_picture",
    "trace_events",
    "violation_text",
]
