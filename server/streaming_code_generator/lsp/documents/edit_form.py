"""In which form a client takes the edits of a document: versioned, unless it cannot take those."""

from dataclasses import dataclass

REFUSALS_BEFORE_UNVERSIONED = 2


@dataclass(slots=True, kw_only=True)
class ClientEdits:
    """What is known of how one client takes edits, by what it announced and what it applied.

    A refusal says nothing of the client: the buffer may just be read-only.
    """

    takes_versions: bool = False
    """Whether it announced versioned edits, or has applied one."""
    checks_zero: bool = False
    """Whether it refused version 1 for a document at version 0, and then took 0."""


class EditForm:
    """Learns from the answers to the edits of one document.

    Versioned edits go to every client: one that lets a person type in between must be able to
    refuse, and those that do not announce `documentChanges` (Neovim 0.11) take them too. Only one
    that announces nothing, never took one, and refuses two of a document although it did not
    change, is sent the older `changes` for that document, which carry no version.

    Version 0 is sent as 1 until the client refuses that: to some clients (Neovim 0.11,
    vscode-languageclient 9) 0 means "unchecked", so that an edit that typing has overtaken would
    land in the wrong place. To them 1 is as good, since a buffer that has changed is beyond it. A
    client that compares for equality refuses once and then gets the true 0.
    """

    def __init__(self, client: ClientEdits) -> None:
        self._client = client
        self._refusals = 0
        self._tries_zero = False
        self._sent: int | None = None
        self._sent_one_for_zero = False

    @property
    def is_versioned(self) -> bool:
        """Whether to send `documentChanges`."""
        return self._client.takes_versions or self._refusals < REFUSALS_BEFORE_UNVERSIONED

    def version(self, version: int | None) -> int | None:
        """Return the version to send for a document's true one."""
        tells_zero = self._client.checks_zero or self._tries_zero
        self._sent = version
        self._sent_one_for_zero = version == 0 and not tells_zero
        return 1 if self._sent_one_for_zero else version

    def answered(self, *, applied: bool) -> None:
        """Take note of the answer to the last edit, of a document that did not change meanwhile."""
        if applied:
            self._client.takes_versions |= self.is_versioned
            self._client.checks_zero |= self._tries_zero and self._sent == 0
        elif self._sent_one_for_zero:
            self._tries_zero = True
        else:
            self._refusals += 1
