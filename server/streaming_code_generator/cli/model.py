"""`model list` and `model install NAME`: the embedded models, and getting one."""

import argparse

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from streaming_code_generator.providers.embedded.catalogue import (
    KNOWN_MODELS,
    DownloadedWeights,
    Installation,
    KnownModel,
    install_command,
    known_model,
)
from streaming_code_generator.providers.embedded.install import install


def run_list(console: Console, *, installation: Installation | None = None) -> int:
    """Print the known models, whether each is here, and where; 0 always."""
    here = installation or Installation()
    for model in KNOWN_MODELS:
        path = here.path_of(model)
        console.print(f"[bold]{model.name}[/bold]  {escape(model.description)}", soft_wrap=True)
        console.print(f"  {model.size_bytes / 1e6:.0f} MB, licence {model.licence}")
        state = f"installed: {path}" if path else f"not installed: {install_command(model.name)}"
        # A path is for copying: broken over two lines it is none.
        console.print(f"  {state}", markup=False, highlight=False, soft_wrap=True)
    if not here.has_binding:
        console.print("llama.cpp's binding `xllamacpp` is missing; installing a model installs it.")
    console.print(
        f"Downloads go to {here.folder}. For any other GGUF file, set `modelPath`.",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )
    return 0


def run_install(name: str, console: Console, *, installation: Installation | None = None) -> int:
    """Get the model of that name, showing progress; 0 when it is ready to use.

    Raises:
        StreamingError: There is no such model, or it cannot be had; the message says why.
    """
    return install_with_progress(known_model(name), console, installation=installation)


def install_with_progress(
    model: KnownModel, console: Console, *, installation: Installation | None = None
) -> int:
    """Get the model, showing a bar while it is downloaded; raises as `run_install` does."""
    here = installation or Installation()
    if isinstance(model.source, DownloadedWeights):
        with Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            console=console,
        ) as progress:
            task = progress.add_task(model.name, total=model.source.size_bytes)
            path = install(model, lambda received: progress.update(task, completed=received), here)
    else:
        path = install(model, lambda _received_bytes: None, here)
    console.print(
        f"`{model.name}` is ready: {path}\nUse it with the setting `embeddedModel`: {model.name}",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )
    return 0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add `list` and `install NAME`."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    actions.add_parser("list", help="show the known models and which are here")
    install = actions.add_parser("install", help="fetch a model and check its hash")
    install.add_argument("name", metavar="NAME", help="a name that `model list` shows")


def run(arguments: argparse.Namespace) -> int:
    """List the models, or install the one that is named."""
    console = Console()
    if arguments.action == "install":
        return run_install(arguments.name, console)
    return run_list(console)
