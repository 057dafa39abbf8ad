"""Rehearsing: what would happen to whom and when, and what other rules would have made of the past. Touches nothing.

Everything is read in a view of the store in which the store itself refuses to write.
"""

from scimbridge.services.rehearsal.forecast import Rehearsal, RehearsedStage, RehearsedTask
from scimbridge.services.rehearsal.rehearsing import FileRehearsal, LineRehearsal, Rehearsing
from scimbridge.services.rehearsal.replay import Difference, Replay
from scimbridge.services.rehearsal.tally import GuardAnswer, Trip

__all__ = [
    "Difference",
    "FileRehearsal",
    "GuardAnswer",
    "LineRehearsal",
    "Rehearsal",
    "RehearsedStage",
    "RehearsedTask",
    "Rehearsing",
    "Replay",
    "Trip",
]
