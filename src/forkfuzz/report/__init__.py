"""What people read: race tables, step lists, records.

`recording` replays a schedule and writes down what happened; everything else renders
the `Recording`: `race` chooses what matters to a violation and words it, `picture`,
`trace` and `page` are the larger forms, the smaller ones are a file each. Whatever is
rendered is printable ASCII.
"""

from .assumptions import ASSUMPTIONS, assumptions
from .difference import Difference, difference, difference_text
from .junit import junit_xml
from .mermaid import mermaid_diagram
from .page import html_page
from .page.campaign import Found, Progressed, campaign_page
from .picture.svg import svg_picture
from .race.table import race_rows, race_table
from .recording.events import Choice, Event, Recording, Step, Waiting
from .recording.states import Camera, Moment
from .recording.tape import Tape, moments, record
from .records import emit, json_lines, records
from .sanitize import printable, quoted
from .sarif import sarif_log
from .schema import records_schema
from .steps import describe, step_list
from .text import violation_text
from .trace.perfetto import perfetto_trace, trace_events
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
    "quoted",
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
