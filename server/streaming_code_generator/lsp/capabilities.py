"""The client's capabilities, resolved once from its `initialize` request."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from attrs import evolve
from lsprotocol import types
from pygls.capabilities import get_capability
from pygls.uris import to_fs_path

from streaming_code_generator.lsp.documents.uris import is_uri
from streaming_code_generator.settings.sources import GENERATION_UPDATES, UNDO_NOTIFICATIONS


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """The capabilities that matter here, as plain values."""

    edits: bool = False
    """Whether it takes `workspace/applyEdit` requests. Every known editor that does says so."""
    work_done_progress: bool = False
    code_lens_refresh: bool = False
    configuration: bool = False
    configuration_changes: bool = False
    """Whether it lets the server register for `didChangeConfiguration` notifications."""
    code_action_literals: bool = False
    document_changes: bool = False
    creates_files: bool = False
    """Whether it takes `CreateFile` in an edit."""
    show_document: bool = False
    generation_updates: bool = False
    undo_notifications: bool = False
    roots: tuple[Path, ...] = ()
    initialization_options: object = None


def resolve_capabilities(params: types.InitializeParams) -> Capabilities:
    """Resolve the nested, mostly optional client capabilities."""

    def can(path: str) -> bool:
        return bool(get_capability(params.capabilities, path, default=False))

    options = params.initialization_options
    operations: Sequence[str] = get_capability(
        params.capabilities, "workspace.workspace_edit.resource_operations", default=()
    )

    def announces(name: str) -> bool:
        return isinstance(options, Mapping) and options.get(name) is True

    return Capabilities(
        edits=can("workspace.apply_edit"),
        work_done_progress=can("window.work_done_progress"),
        code_lens_refresh=can("workspace.code_lens.refresh_support"),
        configuration=can("workspace.configuration"),
        configuration_changes=can("workspace.did_change_configuration.dynamic_registration"),
        code_action_literals=can("text_document.code_action.code_action_literal_support"),
        document_changes=can("workspace.workspace_edit.document_changes"),
        creates_files=types.ResourceOperationKind.Create in operations,
        show_document=can("window.show_document.support"),
        generation_updates=announces(GENERATION_UPDATES),
        undo_notifications=announces(UNDO_NOTIFICATIONS),
        roots=_roots(params),
        initialization_options=options,
    )


def with_readable_roots(params: types.InitializeParams) -> types.InitializeParams:
    """Leave out roots that are no URIs, such as `file://[`: the server works without a root."""
    folders = [folder for folder in params.workspace_folders or () if is_uri(folder.uri)]
    root_uri = params.root_uri if params.root_uri and is_uri(params.root_uri) else None
    return evolve(params, root_uri=root_uri, workspace_folders=folders)


def _roots(params: types.InitializeParams) -> tuple[Path, ...]:
    # Newest first: `workspaceFolders`, then `rootUri`, then `rootPath`, which LSP deprecates.
    uris = [folder.uri for folder in params.workspace_folders or []]
    if not uris and params.root_uri:
        uris = [params.root_uri]
    paths = [path for uri in uris if (path := to_fs_path(uri))]
    if not paths and params.root_path:
        paths = [params.root_path]
    return tuple(Path(path) for path in paths if "\0" not in path)
