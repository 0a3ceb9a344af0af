"""What can be done with a generation, by how far it is and what of it stands in its document.

Lenses, code actions, commands and the notifications to plug-ins all read this one table;
`docs/protocol.md` has it in words. That the user types inside generated code changes nothing here:
it can still be accepted, removed (which keeps what was typed) and retried.
"""

from dataclasses import dataclass
from enum import Enum

from streaming_code_generator.lsp.generations.generation import Session
from streaming_code_generator.lsp.wire import ACCEPT, CANCEL, REMOVE, RETRY


class Stage(Enum):
    """Where a generation's text stands."""

    RUNNING = "running"
    """It waits or runs; its place is followed, if it has one."""
    STANDING = "standing"
    """It has ended, and text of its own stands in the document."""
    BARE = "bare"
    """It has ended and its place is followed, but nothing of its own stands there: none came, or
    all of it was deleted or undone. Text that comes back makes it `STANDING` again."""
    FORGOTTEN = "forgotten"
    """It has ended and no place is followed: it was accepted or removed, its document was closed,
    it is one of too many, or it never had a place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Abilities:
    """Which commands apply to a generation at one stage."""

    offered: tuple[str, ...] = ()
    """What lenses and code actions offer."""
    without_id: frozenset[str] = frozenset()
    """Commands that mean it, if it is the last such, where no id is given."""
    by_id: frozenset[str] = frozenset()
    """Commands that are carried out where its id is given."""


ABILITIES: dict[Stage, Abilities] = {
    Stage.RUNNING: Abilities(
        offered=(CANCEL,),
        without_id=frozenset({CANCEL}),
        by_id=frozenset({CANCEL, REMOVE, RETRY}),
    ),
    Stage.STANDING: Abilities(
        offered=(ACCEPT, REMOVE, RETRY),
        without_id=frozenset({ACCEPT, REMOVE, RETRY}),
        by_id=frozenset({ACCEPT, REMOVE, RETRY}),
    ),
    Stage.BARE: Abilities(
        without_id=frozenset({RETRY}),
        by_id=frozenset({ACCEPT, REMOVE, RETRY}),
    ),
    Stage.FORGOTTEN: Abilities(),
}


def stage_of(session: Session) -> Stage:
    """Return the stage of a generation."""
    if session.end is None:
        return Stage.RUNNING
    if session.placing is None or not session.placing.is_tracked:
        return Stage.FORGOTTEN
    return Stage.STANDING if session.placing.has_text else Stage.BARE


def abilities(session: Session) -> Abilities:
    """Return what can be done with a generation now."""
    return ABILITIES[stage_of(session)]
