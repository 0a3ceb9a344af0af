"""In which form a client takes edits: versioned, unless it proves that it cannot take those."""

REFUSALS_BEFORE_UNVERSIONED = 2


class EditForm:
    """Learns from the answers of one client.

    Versioned edits go to every client: one that lets a person type in between must be able to
    refuse, and those that do not announce `documentChanges` (Neovim 0.11) take them too. Only one
    that announces nothing, never took one, and refuses twice although the document did not change
    is sent the older `changes`, which carry no version.

    Version 0 is sent as 1 until the client refuses that: to some clients (Neovim 0.11,
    vscode-languageclient 9) 0 means "unchecked", so that an edit that typing has overtaken would
    land in the wrong place. To them 1 is as good, since a buffer that has changed is beyond it. A
    client that compares for equality refuses once and then gets the true 0.
    """

    def __init__(self) -> None:
        self._refusals = 0
        self._has_taken_one = False
        self._checks_zero = False
        self._sent_one_for_zero = False

    def is_versioned(self, *, announced: bool) -> bool:
        """Return whether to send `documentChanges`.

        Args:
            announced: Whether the client says that it takes them.
        """
        return announced or self._has_taken_one or self._refusals < REFUSALS_BEFORE_UNVERSIONED

    def version(self, version: int | None) -> int | None:
        """Return the version to send for a document's true one."""
        self._sent_one_for_zero = version == 0 and not self._checks_zero
        return 1 if self._sent_one_for_zero else version

    def answered(self, *, applied: bool) -> None:
        """Take note of the answer to the last edit, of a document that did not change meanwhile."""
        if applied and self._refusals < REFUSALS_BEFORE_UNVERSIONED:
            self._has_taken_one = True
        elif not applied and self._sent_one_for_zero:
            self._checks_zero = True
        elif not applied:
            self._refusals += 1
