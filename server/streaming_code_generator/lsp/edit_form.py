"""In which form a client takes edits: versioned, unless it proves that it cannot take those."""

REFUSALS_BEFORE_UNVERSIONED = 2


class EditForm:
    """Learns from the answers of one client.

    Versioned edits go to every client: one that lets a person type in between must be able to
    refuse, and those that do not announce `documentChanges` (Neovim 0.11) take them too. Only one
    that announces nothing, never took one, and refuses twice although the document did not change
    is sent the older `changes`, which carry no version.
    """

    def __init__(self) -> None:
        self._refusals = 0
        self._has_taken_one = False

    def is_versioned(self, *, announced: bool) -> bool:
        """Return whether to send `documentChanges`.

        Args:
            announced: Whether the client says that it takes them.
        """
        return announced or self._has_taken_one or self._refusals < REFUSALS_BEFORE_UNVERSIONED

    def answered(self, *, applied: bool) -> None:
        """Take note of the answer to an edit of a document that did not change meanwhile."""
        if applied and self._refusals < REFUSALS_BEFORE_UNVERSIONED:
            self._has_taken_one = True
        elif not applied:
            self._refusals += 1
