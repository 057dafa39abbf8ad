"""The story of a case: from what a source sent to what was read back; and why it is not further."""

from scimbridge.services.story.of_tasks import left_undone
from scimbridge.services.story.reading import Stories, Story
from scimbridge.services.story.reasons import Reason, Why
from scimbridge.services.story.telling import in_words, not_given_back, opening, outlook, tell
from scimbridge.services.story.waiting import waiting_for

__all__ = [
    "Reason",
    "Stories",
    "Story",
    "Why",
    "in_words",
    "left_undone",
    "not_given_back",
    "opening",
    "outlook",
    "tell",
    "waiting_for",
]
