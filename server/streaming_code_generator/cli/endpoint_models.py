"""Asking an OpenAI-compatible endpoint which models it serves."""

import json
from dataclasses import dataclass
from http import HTTPStatus

from streaming_code_generator.settings import Secret

_REFUSALS = {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelList:
    """The models' names, or what went wrong."""

    names: tuple[str, ...] = ()
    failure: str = ""
    """To follow the endpoint's URL: "cannot be reached"."""
    is_fatal: bool = False
    """Whether a generation would fail as well; a server need not have a list of models."""


def list_models(base_url: str, key: Secret | None, *, timeout_s: float) -> ModelList:
    """Send `GET {base_url}/models`, with the key that is bound to it; follows no redirect."""
    import httpx2  # noqa: PLC0415 - 0.2 s, and only where an endpoint is asked

    headers = {"Authorization": f"Bearer {key.reveal()}"} if key else {}
    try:
        response = httpx2.get(f"{base_url}/models", headers=headers, timeout=timeout_s)
    except httpx2.HTTPError as error:
        failure = f"cannot be reached ({type(error).__name__}): is it running, is the URL right?"
        return ModelList(failure=failure, is_fatal=True)
    if response.status_code in _REFUSALS:
        failure = f"refuses the key (status {response.status_code})"
        return ModelList(failure=failure, is_fatal=True)
    if response.status_code != HTTPStatus.OK:
        return ModelList(failure=f"answers, but lists no models (status {response.status_code})")
    return _parsed(response.content)


def _parsed(body: bytes) -> ModelList:
    try:
        entries = json.loads(body)["data"]
        return ModelList(names=tuple(str(entry["id"]) for entry in entries))
    except (ValueError, KeyError, TypeError):
        return ModelList(failure="answers, but not with a list of models; is the URL right?")
