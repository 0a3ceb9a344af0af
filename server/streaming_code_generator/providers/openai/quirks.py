"""What an endpoint does its own way, as one response of it shows."""

import json
from collections.abc import Mapping

_RESPONSES = "answers through the Responses API"
"""Whose streams end with an event of their own."""

_COUNTS_APART = "reports usage in a chunk of its own"


class Quirks:
    """Watches the events of one response, as they come."""

    def __init__(self) -> None:
        self._seen: dict[str, None] = {}
        self._events = 0
        self._with_usage = 0
        self._is_done = False

    def see(self, data: str) -> None:
        """Look at the data of one event, or at a whole answer that came instead of a stream."""
        if data == "[DONE]":
            self._is_done = True
            return
        try:
            chunk = json.loads(data)
        except (ValueError, RecursionError):
            return
        if not isinstance(chunk, dict):
            return
        self._events += 1
        choices = chunk.get("choices")
        first = choices[0] if isinstance(choices, list) and choices else None
        choice = first if isinstance(first, dict) else {}
        said = choice.get("delta") or choice.get("message")
        delta = said if isinstance(said, dict) else {}
        for name, is_so in _ways(chunk, choice, delta).items():
            if is_so:
                self._seen[name] = None
        if chunk.get("usage"):
            self._with_usage += 1
            self._seen[_COUNTS_APART if not first else "reports usage with another chunk"] = None

    def names(self) -> tuple[str, ...]:
        """Return what was seen, in the order in which it came: "sends role-only chunks"."""
        seen = dict(self._seen)
        if not self._with_usage:
            seen["reports no usage"] = None
        elif 1 < self._with_usage == self._events:
            seen = {name: None for name in seen if not name.startswith("reports usage")}
            seen["reports usage with every chunk"] = None
        if not self._is_done and _RESPONSES not in seen:
            seen["ends without [DONE]"] = None
        return tuple(seen)


def _ways(
    chunk: Mapping[str, object], choice: Mapping[str, object], delta: Mapping[str, object]
) -> dict[str, bool]:
    content = delta.get("content")
    reasoning = delta.get("reasoning_content") or delta.get("reasoning")
    is_silent = not (content or reasoning or delta.get("refusal") or choice.get("text"))
    is_inside = is_silent and not choice.get("finish_reason") and not chunk.get("usage")
    return {
        _RESPONSES: str(chunk.get("type")).startswith("response."),
        "sends role-only chunks": is_inside and bool(delta.get("role")),
        "sends empty chunks": is_inside and "choices" in chunk and not delta.get("role"),
        "sends content as a list": isinstance(content, list),
        "sends a refusal": bool(delta.get("refusal")),
        "sends choices[].text": bool(choice.get("text")),
        "sends reasoning_content": bool(delta.get("reasoning_content")),
        "sends reasoning": bool(delta.get("reasoning")),
        "sends the last text with the finish reason": not is_silent
        and "delta" in choice
        and bool(choice.get("finish_reason")),
    }
