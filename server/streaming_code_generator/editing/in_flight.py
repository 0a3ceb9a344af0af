"""The one edit that is outstanding, and how long it may be."""

from dataclasses import dataclass, field

from streaming_code_generator.editing.exchange import OutgoingEdit, TextReplacement
from streaming_code_generator.editing.mirror import Mirror
from streaming_code_generator.editing.plan import Plan
from streaming_code_generator.editing.regions import ForeignChange

REPLY_TIMEOUT_S = 10.0
"""How long a client may take to answer an edit."""
ECHO_TIMEOUT_S = 10.0
"""How long a client that said it applied an edit may take to report the change."""
DOUBT_S = 0.2
"""How long to wait for the change of an edit that was probably dropped, because the person had
typed before it arrived. Sending again is safe: the new edit's version is stale if it was not."""
MOST_DOUBTS = 20
"""So many edits in a row that were said to be applied, while every change that arrived was another
one, end the generations: this client does to edits what the writer cannot follow."""
REFUSAL_WAITS_S = (0.1, 0.25, 0.6, 1.5)
"""Waits before sending again what was refused without a change that would explain it."""
MOST_REFUSALS = 5
"""So many refusals in a row without any change arriving end the generations."""


@dataclass(slots=True, kw_only=True)
class InFlight:
    """An edit on its way, and what has been heard of it."""

    edit: OutgoingEdit
    plan: Plan
    """Its steps that have not been found in a change."""
    sent_at_s: float
    applied_at_s: float | None = None
    """When the client said that it had applied the edit."""
    changed_at_s: float | None = None
    """When a change that did not contain the whole edit arrived."""
    misplaced: dict[str, str] = field(default_factory=dict)
    """Where the edit seems to have been applied in the wrong place, and what stood there."""

    @property
    def deadline_s(self) -> float:
        """When to stop waiting for what is missing."""
        if self.applied_at_s is None:
            return self.sent_at_s + REPLY_TIMEOUT_S
        if self.changed_at_s is None:
            return self.applied_at_s + ECHO_TIMEOUT_S
        return max(self.applied_at_s, self.changed_at_s) + DOUBT_S

    def may_be_misplaced(self, change: ForeignChange, mirror: Mirror) -> bool:
        """Whether a change is the edit as it was sent, though the document had changed since."""
        return (
            bool(self.plan)
            and self.changed_at_s is not None
            and not change.text.isspace()
            and any(change == _read_anew(mirror, sent) for sent in self.edit.replacements)
        )


def _read_anew(mirror: Mirror, sent: TextReplacement) -> ForeignChange:
    """Return what a replacement means to a client that has another text than it was made for."""
    return ForeignChange(mirror.point(*sent.start), mirror.point(*sent.end), sent.text)


@dataclass(slots=True)
class Refusals:
    """How often edits were refused in a row, and when to try again."""

    count: int = 0
    retry_at_s: float = 0.0
