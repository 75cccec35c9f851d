"""Driving a run by hand: at each question a person answers, goes back, or lets go on.

A run is named by its path: the answers to its questions, in order. Whatever is asked
is answered by running it again from the start, so that there is nothing to keep
between two questions, and every step can be taken back.
"""

from .answers import ANY, Stops
from .look import Option, Question, View, look, path_of, preview, run_on, schedule_of

__all__ = [
    "ANY",
    "Option",
    "Question",
    "Stops",
    "View",
    "look",
    "path_of",
    "preview",
    "run_on",
    "schedule_of",
]
