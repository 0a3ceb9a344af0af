"""What people are told of settings that cannot be used: what, where, and the next step."""

import json
from collections.abc import Sequence

from streaming_code_generator.logs import redacted
from streaming_code_generator.settings.declarations import SettingSpec
from streaming_code_generator.settings.origins import Origin

_MOST_SHOWN = 60
_KEY_NAMES = frozenset({"apikey", "openaiapikey", "key", "token"})


def unknown(name: str, known: Sequence[str], origin: Origin) -> str:
    """Tell of a setting that does not exist, and of the one that was probably meant."""
    if _plain(name).removeprefix("streamingcodegenerator") in _KEY_NAMES:
        return (
            f"`{_shown(name)}` ({origin}) is ignored: keys are never settings. Put the key into "
            "the environment variable `OPENAI_API_KEY`, or into one that `apiKeyEnv` names."
        )
    return f"Unknown setting `{_shown(name)}` ({origin}) is ignored.{_meant(name, known)}"


def unfit(spec: SettingSpec, raw: object, origin: Origin) -> str:
    """Tell of a value that is not of the setting's kind."""
    found = f", not `{_shown(_spelled(raw))}`" if spec.kind.may_be_shown else ""
    then = "it is ignored"
    if spec.name == "provider" and not origin.from_workspace:
        then = "until it is corrected the embedded model is used, which sends nothing anywhere"
    return f"`{spec.camel_name}` ({origin}) must be {spec.kind.summary}{found}; {then}."


def _meant(name: str, known: Sequence[str]) -> str:
    from difflib import get_close_matches  # noqa: PLC0415 - only when something is wrong

    by_plain_name = {_plain(candidate): candidate for candidate in known}
    close = get_close_matches(_plain(name), by_plain_name, n=1)
    return f" Did you mean `{by_plain_name[close[0]]}`?" if close else ""


def _plain(name: str) -> str:
    """Return the name's letters only, so that styles of writing compare equal."""
    return "".join(character for character in name.lower() if character.isalnum())


def _spelled(raw: object) -> str:
    if isinstance(raw, str):
        return raw
    try:
        return json.dumps(raw)
    except (TypeError, ValueError):  # a date from TOML
        return str(raw)


def _shown(text: str) -> str:
    line = redacted(" ".join(text.split()))
    return line if len(line) <= _MOST_SHOWN else line[: _MOST_SHOWN - 1] + "…"
