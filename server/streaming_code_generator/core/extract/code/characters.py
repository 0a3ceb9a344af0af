"""Single characters of code that were made for a web page: no-break spaces, `&lt;` and its like."""

import re

from streaming_code_generator.core.extract.parts import CodeTarget, Tally

_NO_BREAK_SPACE = "\u00a0"
_ENTITIES = {"&lt;": "<", "&gt;": ">", "&amp;": "&", "&quot;": '"', "&#39;": "'", "&#x27;": "'"}
_ENTITIES |= {"&apos;": "'", "&nbsp;": " "}
_ENTITY = re.compile("|".join(_ENTITIES))
_BEGUN = re.compile(r"&(?:#?\w{0,4})?\Z")
_SIGN = re.compile(r"[<>&]")
_QUOTE = re.compile(r"[\"'`]")
_MARKUP = {"html", "xml", "xsl", "svg", "vue", "svelte", "php", "markdown", "mdx", "astro"}
_MARKUP |= {"javascriptreact", "typescriptreact", "handlebars", "vue-html", "jinja", "erb"}


class Characters:
    """Writes such characters as code has them. In quotes they may be meant."""

    def __init__(self, target: CodeTarget, tally: Tally) -> None:
        self._tally = tally
        self._is_off = target.is_prose or not target.language_id
        self._may_be_escaped = target.language_id not in _MARKUP
        """Whether nothing has shown yet that the code is not escaped."""
        self._is_escaped = False
        self._has_quote = False
        """Whether the current line is known to have a quotation mark."""
        self._unread: list[str] = []
        """What of the line has not been looked at for that."""
        self._held = ""

    @property
    def held_back(self) -> int:
        """Characters that may be an escape."""
        return len(self._held)

    def feed(self, segment: str) -> str:
        """Return the code, at most to its line's end, as far as it is known."""
        if self._is_off:
            return segment
        if self._held or "&" in segment or (self._may_be_escaped and _SIGN.search(segment)):
            segment = self._unescaped(self._held + segment)
        if _NO_BREAK_SPACE in segment and not self._is_quoted(""):
            quote = _QUOTE.search(segment)
            end = quote.start() if quote else len(segment)
            segment = segment[:end].replace(_NO_BREAK_SPACE, " ") + segment[end:]
        self._unread.append(segment)
        if segment[-1:] == "\n":
            self._unread.clear()
            self._has_quote = False
        return segment

    def finish(self) -> str:
        """Return what was held back."""
        held, self._held = self._held, ""
        return held

    def _unescaped(self, text: str) -> str:
        #     if (a &lt; b)            outside quotes no code has this: all of it is escaped
        #     if (a < b && c)          a sign as it is: nothing is
        #     s.replace("&lt;", "<")   in quotes first: not known before the "<"
        self._held = ""
        begun = _BEGUN.search(text) if self._may_be_escaped or self._is_escaped else None
        if begun is not None:
            text, self._held = text[: begun.start()], begun[0]
        if self._may_be_escaped:
            for sign in _SIGN.finditer(text):
                entity = _ENTITY.match(text, sign.start())
                if entity is None:
                    self._may_be_escaped = False
                    break
                if not self._is_quoted(text[: sign.start()]):
                    self._may_be_escaped, self._is_escaped = False, True
                    return text[: sign.start()] + _ENTITY.sub(self._sign, text[sign.start() :])
        return _ENTITY.sub(self._sign, text) if self._is_escaped else text

    def _sign(self, entity: re.Match[str]) -> str:
        sign = _ENTITIES[entity[0]]
        self._tally.drop("escape", entity[0])
        self._tally.add(sign)
        return sign

    def _is_quoted(self, before: str) -> bool:
        """Whether there is a quotation mark on the line so far."""
        self._has_quote = self._has_quote or _QUOTE.search("".join(self._unread)) is not None
        self._unread.clear()
        return self._has_quote or _QUOTE.search(before) is not None
