"""`doctor`: what is set, what is here and what answers, one line each."""

import argparse
import sys
from collections.abc import Iterable, Iterator
from platform import python_version

from streaming_code_generator.cli.doctor_checks import (
    Finding,
    State,
    check_embedded_answer,
    check_embedded_models,
    check_endpoint,
    check_provider,
    check_tokenizer,
)
from streaming_code_generator.cli.options import add_setting_options, resolve_options
from streaming_code_generator.cli.terminal import one_line, show
from streaming_code_generator.logs import redacted
from streaming_code_generator.settings import (
    OPENAI_BASE_URL,
    SPECS,
    ResolvedSettings,
    user_file_path,
)
from streaming_code_generator.settings.endpoints import origin_of, travels_in_the_clear

_MOST_SHOWN = 60


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that stand for settings, to ask what would be with them."""
    add_setting_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print all findings as they come; 1 if something that is needed is broken."""
    broken = False
    for finding in _findings(resolve_options(arguments)):
        show(f"{finding.state.value:6}{redacted(one_line(finding.text))}\n")
        broken = broken or finding.state is State.BROKEN
    return 1 if broken else 0


def _findings(resolved: ResolvedSettings) -> Iterator[Finding]:
    yield _versions()
    yield _user_file()
    yield from _settings(resolved)
    yield _key(resolved)
    for problem in resolved.problems:
        yield Finding(State.NOTE, problem)
    taken = check_provider(resolved)
    yield taken.finding
    yield check_endpoint(resolved, taken)
    yield from check_embedded_models(taken)
    if taken.is_called("embedded"):
        yield check_embedded_answer(resolved)
    yield check_tokenizer(taken)


def _versions() -> Finding:
    from importlib.metadata import version  # noqa: PLC0415 - one command only

    told = f"streaming-code-generator {version('streaming-code-generator')}"
    return Finding(State.OK, f"{told}, Python {python_version()} at {sys.executable}")


def _user_file() -> Finding:
    path = user_file_path()
    return Finding(State.OK, f"config.toml: {path}" + ("" if path.is_file() else " (none)"))


def _settings(resolved: ResolvedSettings) -> Iterable[Finding]:
    for name, spec in SPECS.items():
        value = _shown(getattr(resolved.settings, name))
        yield Finding(State.OK, f"{spec.camel_name} = {value} ({resolved.origins[name]})")


def _key(resolved: ResolvedSettings) -> Finding:
    base_url = resolved.settings.base_url or OPENAI_BASE_URL
    endpoint = origin_of(base_url)
    if not resolved.api_key:
        variable = resolved.settings.api_key_env
        return Finding(State.OK, f"key: not set for {endpoint} (looked for `{variable}`)")
    told = f"key: set for {endpoint} ({resolved.api_key_origin})"
    if travels_in_the_clear(base_url):
        return Finding(State.NOTE, f"{told}; it travels unencrypted, use https")
    return Finding(State.OK, told)


def _shown(value: object) -> str:
    if value is None or value == ():
        return "unset"
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    text = one_line(f"{value:g}" if isinstance(value, float) else str(value))
    text = text.lower() if isinstance(value, bool) else text
    return text if len(text) <= _MOST_SHOWN else text[: _MOST_SHOWN - 1] + "…"
