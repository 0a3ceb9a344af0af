"""The client's configuration: requested once it is ready, and after each notified change."""

import asyncio
import logging
import os

from lsprotocol import types
from pygls.lsp.server import LanguageServer

from streaming_code_generator.lsp.state import ServerState
from streaming_code_generator.settings.declarations import SECTION

logger = logging.getLogger(__name__)

ANSWER_TIMEOUT_S = 3.0
"""A client that does not answer is served with the settings known so far."""


async def begin(ls: LanguageServer, state: ServerState) -> None:
    """Request the client's configuration, and register for its changes."""
    async with state.reading_settings:
        await _read(ls, state)
    if state.client.capabilities.configuration_changes:
        registration = types.Registration(
            id="configuration",
            method=types.WORKSPACE_DID_CHANGE_CONFIGURATION,
            register_options=types.DidChangeConfigurationRegistrationOptions(section=SECTION),
        )
        ls.client_register_capability(types.RegistrationParams([registration]))
    await state.backend.warm_up()


async def changed(ls: LanguageServer, state: ServerState, pushed: object) -> None:
    """Read the configuration again; a client that takes no such request has pushed it."""
    async with state.reading_settings:
        if state.client.capabilities.configuration:
            await _read(ls, state)
        else:
            await state.backend.update(workspace_configuration=pushed)


async def _read(ls: LanguageServer, state: ServerState) -> None:
    if not state.client.capabilities.configuration:
        await state.backend.update(environment=dict(os.environ))
        return
    params = types.ConfigurationParams([types.ConfigurationItem(section=SECTION)])
    try:
        async with asyncio.timeout(ANSWER_TIMEOUT_S):
            answer = await ls.workspace_configuration_async(params)
    except TimeoutError:
        logger.warning("the client did not answer workspace/configuration")
        return
    except Exception as error:  # noqa: BLE001 - whatever the client answers, it is served
        logger.warning("the client refused workspace/configuration: %s", error)
        return
    # The request has one item; a client that does not know the section answers null.
    first = answer[0] if answer else None
    await state.backend.update(workspace_configuration=first)
