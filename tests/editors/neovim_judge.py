"""What must hold of a buffer that a user and generations wrote in, told by its characters alone.

Every character that the document had, that the user types and that is generated stands for itself:
no other is like it. So whether one is lost, doubled or misplaced is seen in the text.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

_GENERATED = range(0xAC00, 0xD7A4)
_RELOADING = "edit!"
_MOVING = ("sort", "ddp", ":move")
_UNDO_KEYS = ("u", "<C-r>", "g-", "g+", ":earlier", ":later")


@dataclass(frozen=True, slots=True)
class Change:
    """A change of the buffer, or what the server said between two (`state`)."""

    author: str
    what: str
    text: str

    @property
    def is_undo(self) -> bool:
        """Whether the user pressed what undoes or redoes."""
        return self.author == "user" and self.what.lstrip("123").startswith(_UNDO_KEYS)

    @property
    def is_for_another_text(self) -> bool:
        """Whether the editor took the server's edit for one of a text that it has read since.

        No server can know that. What it puts in the wrong place so has to be gone in the end.
        """
        return self.author == "server" and self.what.endswith("for another text")

    @property
    def is_moving(self) -> bool:
        """Whether the user moved lines."""
        return self.author == "user" and any(word in self.what for word in _MOVING)

    @property
    def is_rearranging(self) -> bool:
        """Whether the user moved lines or read the file anew: then all that stands is by the user.

        What was generated is deleted by that and written again; the one ends a generation.
        """
        is_reloading = self.author == "user" and _RELOADING in self.what
        return self.is_moving or is_reloading


def is_generated(character: str) -> bool:
    """Whether a character is one that is only ever generated."""
    return ord(character) in _GENERATED


@dataclass(slots=True)
class Generation:
    """One generation, and what became of its text up to a change."""

    id: str
    text: str
    state: str = "running"
    arrived: set[str] = field(default_factory=set)
    """What ever stood in the document."""
    removed_by: dict[str, str] = field(default_factory=dict)
    """Who took a character out that is not there: `plain`, `undo`, `late undo` or `server`."""
    deleted: set[str] = field(default_factory=set)
    """What the user ever deleted with a plain command."""
    put_by_user: set[str] = field(default_factory=set)
    """What an undo, a redo or a reload brought back last."""
    misplaced: set[str] = field(default_factory=set)
    """What Neovim put in the wrong place, with an edit for another text."""
    may_be_twice: set[str] = field(default_factory=set)
    """What Neovim's own undo has put there twice, or the user has moved from the wrong place."""
    inside: set[str] = field(default_factory=set)
    """What somebody else ever put between its first and its last character."""
    is_scrambled: bool = False
    """Whether the user has moved some of its lines away from the others: what follows may come
    behind either."""
    was_undone: bool = False
    was_touched: bool = False

    def is_twice(self, present: Sequence[str]) -> bool:
        """Whether any of its characters stands there twice, and not by Neovim's own doing."""
        counts = Counter(c for c in present if c not in self.may_be_twice)
        return any(count > 1 for count in counts.values())

    def present(self, text: str) -> list[str]:
        """Return its characters in a text, as they stand there."""
        own = {character for character in self.text if character != "\n"}
        return [character for character in text if character in own]

    def span(self, text: str) -> str:
        """Return the text from its first to its last character."""
        present = self.present(text)
        if not present:
            return ""
        return text[text.index(present[0]) : text.rindex(present[-1]) + 1]

    def has_plain_end(self, last: str) -> bool:
        """Whether its text so far ends with its last character, and not with a line ending.

        What is typed in front of such an ending is inside. Where the user has deleted the end, it
        is not known what of its endings is left.
        """
        has_ending = self.text.partition(last)[2].startswith("\n")
        return last == max(self.arrived) and not has_ending

    def others_inside(self, text: str) -> set[str]:
        """Return what stands between its characters and is not generated."""
        return _others(self.span(text))


def _others(text: str) -> set[str]:
    return {c for c in text if not is_generated(c) and c != "\n"}


def _foreign(text: str) -> str:
    return "".join(c for c in text if not is_generated(c))


class Judge:
    """Follows the changes of a buffer and says what is wrong with them."""

    def __init__(self, start: str, generations: Sequence[Generation]) -> None:
        self._text = start
        self._document = set(start)
        self._generations = list(generations)
        self._is_typing = False
        self._undo_is_broken = False
        """Whether an edit was made while a line was typed: without the plug-in Neovim makes it part
        of that step of undo, and undoing that leaves lines that never stood there."""

    def problems(self, changes: Iterable[Change]) -> Iterator[str]:
        """Yield what is wrong, in the order of the changes and then of the end."""
        for number, change in enumerate(changes):
            for problem in self._follow(change):
                yield f"change {number} ({change.author}, {change.what!r}): {problem}"
            self._text = change.text
        for generation in self._generations:
            yield from self._end(generation)

    def _follow(self, change: Change) -> Iterator[str]:
        if change.author == "state":
            self._note_state(change.what)
            return
        if change.what == "nothing was pressed":
            yield "nobody did it"
        if change.author == "user":
            self._is_typing = change.what.endswith("key by key")
        self._undo_is_broken |= self._is_typing and change.author == "server"
        if change.author == "server" and not change.is_for_another_text:
            yield from self._server_problems(change.text)
        for generation in self._generations:
            self._attribute(generation, change)

    def _note_state(self, what: str) -> None:
        generation_id, state = what.split()
        for generation in self._generations:
            if generation.id == generation_id and state != "forgotten":
                generation.state = state

    # What the server may do

    def _server_problems(self, after: str) -> Iterator[str]:
        if _foreign(self._text).replace("\n", "") != _foreign(after).replace("\n", ""):
            yield f"it changed what is not generated: {_difference(self._text, after)}"
        for generation in self._generations:
            yield from self._growth_problems(generation, after)

    def _growth_problems(self, generation: Generation, after: str) -> Iterator[str]:
        before_own, own = generation.present(self._text), generation.present(after)
        if generation.is_twice(own) and len(own) > len(before_own):
            yield f"{generation.id}: generated text stands there twice"
        if generation.is_scrambled or not before_own:
            return
        if own != sorted(own):
            yield f"{generation.id}: it put text out of order: {generation.span(after)!r}"
        strange = generation.others_inside(after) - generation.inside
        if not generation.has_plain_end(before_own[-1]):
            strange &= self._document
        if strange:
            yield f"{generation.id}: it went around {strange}: {generation.span(after)!r}"

    # Who did what

    def _attribute(self, generation: Generation, change: Change) -> None:
        before, after = generation.present(self._text), generation.present(change.text)
        gone, come = set(before) - set(after), set(after) - set(before)
        cause = self._cause(generation, change, before, gone)
        generation.removed_by.update(dict.fromkeys(gone, cause))
        if change.is_undo:
            # A redo, or an undo along another branch, does a deletion of the user's once more.
            generation.removed_by.update(dict.fromkeys(gone & generation.deleted, "plain"))
        if change.is_for_another_text:
            generation.misplaced |= come
        if change.is_moving:
            # What the user has moved is the user's, and cannot be told from what is to be repaired.
            generation.may_be_twice |= generation.misplaced
        generation.arrived |= come
        generation.inside |= generation.others_inside(change.text)
        for character in come:
            generation.removed_by.pop(character, None)
        if change.author == "server":
            generation.put_by_user -= come
            return
        if change.is_undo and self._undo_is_broken:
            doubled = {c for c in after if after.count(c) > max(1, before.count(c))}
            generation.may_be_twice |= doubled
            come |= doubled
        generation.put_by_user |= set(after) if change.is_rearranging else come
        generation.was_touched |= bool(gone or come) or change.is_rearranging
        generation.is_scrambled |= after != sorted(after) or (
            change.is_rearranging and generation.span(self._text) != generation.span(change.text)
        )

    def _cause(
        self, generation: Generation, change: Change, before: list[str], gone: set[str]
    ) -> str:
        if change.author == "server":
            return "server"
        # What such an undo leaves is taken for what the user wants.
        if not change.is_undo or self._undo_is_broken:
            generation.deleted |= gone
            return "plain"
        is_whole = len(before) + len(generation.removed_by) >= len(
            generation.text.replace("\n", "")
        )
        return "late undo" if is_whole or generation.state != "running" else "undo"

    # What must have come of it

    def _end(self, generation: Generation) -> Iterator[str]:
        present = generation.present(self._text)
        missing = [c for c in generation.text if c != "\n" and c not in present]
        if generation.state == "completed":
            yield from self._completed_problems(generation, missing)
        elif generation.state == "cancelled":
            yield from self._cancelled_problems(generation, present)
        else:
            yield f"{generation.id}: it ended as {generation.state}"
        if present != sorted(present) and not generation.is_scrambled:
            yield f"{generation.id}: at the end, its text is out of order"
        if generation.is_twice(present):
            yield f"{generation.id}: at the end, generated text stands there twice"

    def _completed_problems(self, generation: Generation, missing: list[str]) -> Iterator[str]:
        holes = [c for c in missing if generation.removed_by.get(c) not in {"plain", "late undo"}]
        if holes:
            causes = {generation.removed_by.get(character, "never came") for character in holes}
            yield (
                f"{generation.id}: completed with a hole: {''.join(holes)!r} is missing "
                f"({', '.join(sorted(causes))}) in {generation.span(self._text)!r}"
            )
        is_left_alone = not generation.was_touched and not generation.inside
        if is_left_alone and generation.text not in self._text:
            yield f"{generation.id}: it is not in one piece: {generation.span(self._text)!r}"

    def _cancelled_problems(self, generation: Generation, present: list[str]) -> Iterator[str]:
        crumbs = [c for c in present if c not in generation.put_by_user]
        if crumbs:
            yield f"{generation.id}: cancelled, and crumbs stay: {''.join(crumbs)!r}"
        if not generation.was_touched and generation.arrived:
            yield f"{generation.id}: cancelled, though nobody touched its text"


def _difference(before: str, after: str) -> str:
    lost = Counter(_foreign(before)) - Counter(_foreign(after))
    gained = Counter(_foreign(after)) - Counter(_foreign(before))
    lost.pop("\n", None)
    gained.pop("\n", None)
    if not lost and not gained:
        return "their order"
    return f"lost {''.join(lost)!r}, doubled {''.join(gained)!r}"
