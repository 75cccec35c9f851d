"""Litmus tests for the tests of the verbs that decide programs, and Ctrl-C."""

from __future__ import annotations

import signal
from pathlib import Path

from .running import Outcome, end, start

SHIPPED = Path(__file__).parents[1] / "litmus"

TORN = """\
litmus torn
"mainline: torn inside one pinned page"

rules mainline
page A[2] pinned

T1       | F
A[0] = 1 | fork
A[1] = 1 |

exists    child:A[0]=0 /\\ child:A[1]=1
violates  snapshot.torn
"""
"""It holds."""

CLEAN = """\
litmus clean
rules mainline
page A wipeonfork
init A=3

T1    | F    | child
A = 4 | fork | r = A

always    child:A=0 /\\ child:r=0
clean
"""
"""It holds, and nothing is ever broken."""

EXEMPT = """\
litmus exempt
page A[2] pinned

dev          | F
dma A[0] = 1 | fork
dma A[1] = 1 |

exists    child:A[0]=0 /\\ child:A[1]=1
clean
"""
"""It holds, and what it is about is no violation."""

LONG = """\
litmus long
rules v6.4.0
page A[3]
page B[3]

T1       | T2       | T3       | F
A[0] = 1 | A[1] = 7 | A[2] = 4 | fork
B[0] = 2 | B[1] = 8 | B[2] = 5 |
A[0] = 3 | r = A[1] | s = A[2] | fork

exists    parent:A[1]=0
violates  parent.lost-store
"""
"""It takes far longer than any test waits."""


LOST = """\
litmus lost
rules v6.4.0
page A[2]

T1       | T2       | F
A[0] = 1 | A[1] = 1 | fork

violates  parent.lost-store
"""
"""It is soon seen, but takes a search of ten seconds; most of its guards too."""


def interrupted(*arguments: object, cwd: Path, number: int = signal.SIGINT) -> Outcome:
    """Start a command, and press Ctrl-C once it has told of its progress."""
    process = start(*arguments, cwd=cwd)
    assert process.stderr is not None
    assert process.stderr.readline()
    process.send_signal(number)
    return end(process, seconds=20)
