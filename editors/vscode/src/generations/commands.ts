/** The palette's commands that concern generations. */

import * as vscode from 'vscode';
import { LSPErrorCodes, ResponseError } from 'vscode-languageclient/node';

import type { ServerControl } from '../server/serverControl';
import type { TrackedDocuments } from '../documents/trackedDocuments';
import type { Generations } from './generations';
import { showError } from '../log';
import { Command, NAME } from '../names';
import { PointedPlace } from '../documents/place';
import type { Prompts } from './prompt';
import { deselect } from '../documents/selections';
import { ServerCommand } from '../wire';
import type { GenerateArguments, GenerationReference, GenerationUpdate } from '../wire';

const INSTALL_MODEL = { title: 'Install Embedded Model…', command: Command.installModel };

export class GenerationCommands {
  constructor(
    private readonly server: ServerControl,
    private readonly documents: TrackedDocuments,
    private readonly generations: Generations,
    private readonly prompts: Prompts,
    private readonly log: vscode.LogOutputChannel,
  ) {}

  readonly generate = async (): Promise<void> => {
    const editor = vscode.window.activeTextEditor;
    if (!editor) {
      return void tell('Open a file and place the cursor where the code should go.');
    }
    const place = this.placeIn(editor);
    const what = editor.selection.isEmpty ? 'Generate code at the cursor' : 'Replace the selection';
    // The server is found, or installed, before a prompt is asked for.
    const prompt = (await this.server.prepare()) ? await this.prompts.ask(what) : undefined;
    if (prompt !== undefined) {
      await this.run(place, prompt);
    }
  };

  readonly generateFromComment = async (): Promise<void> => {
    const editor = vscode.window.activeTextEditor;
    if (!editor) {
      return void tell('Open a file and place the cursor at a comment that says what to write.');
    }
    await this.run(this.placeIn(editor));
  };

  readonly cancel = async (): Promise<void> => {
    const running = this.generations.all();
    if (running.length === 0) {
      return void tell('Nothing is being generated.');
    }
    const chosen = running.length === 1 ? {} : await chooseToCancel(running);
    if (chosen) {
      await this.ask(ServerCommand.cancel, chosen);
    }
  };

  readonly accept = async (): Promise<void> => this.askForActiveDocument(ServerCommand.accept);
  readonly remove = async (): Promise<void> => this.askForActiveDocument(ServerCommand.remove);
  readonly retry = async (): Promise<void> => this.askForActiveDocument(ServerCommand.retry);

  /** The selection, recorded from now on: the document may change until the server runs and hears of it. */
  private placeIn(editor: vscode.TextEditor): PointedPlace {
    return new PointedPlace(editor, this.documents.track(editor.document.uri.toString()));
  }

  private async run(place: PointedPlace, prompt?: string): Promise<void> {
    try {
      await this.server.whenRunning();
      await this.execute(ServerCommand.generate, generateArguments(place, prompt));
    } catch (error) {
      if (!isContentModified(error)) {
        return this.report(error);
      }
      // The document changed on the way to the server.
      await this.ask(ServerCommand.generate, generateArguments(place, prompt));
    }
  }

  private async askForActiveDocument(command: string): Promise<void> {
    if (this.server.isUnused) {
      return void tell('No code has been generated in this window.');
    }
    const uri = vscode.window.activeTextEditor?.document.uri.toString();
    await this.ask(command, uri === undefined ? {} : { uri });
  }

  /** Run one of the server's commands, and show what it failed with. */
  async ask(command: string, argument: GenerateArguments | GenerationReference): Promise<void> {
    try {
      await this.execute(command, argument);
    } catch (error) {
      await this.report(error);
    }
  }

  /** Run a command; its document is recorded from now on, before the server makes its first edit. */
  private async execute(command: string, argument: GenerateArguments | GenerationReference): Promise<void> {
    const isGenerate = 'textDocument' in argument;
    const uri = isGenerate ? argument.textDocument.uri : argument.uri;
    const tracked = uri === undefined ? undefined : this.documents.track(uri);
    const selectAgain = tracked && isGenerate && argument.range ? deselect(tracked, argument.range) : undefined;
    try {
      await this.server.execute(command, argument);
    } catch (error) {
      selectAgain?.();
      throw error;
    }
  }

  private async report(error: unknown): Promise<void> {
    if (!isCancelled(error) && !isShownByServer(error)) {
      const message = error instanceof Error ? error.message : String(error);
      // The command line that the server names may not be on the PATH.
      const help = message.includes('model install ') ? INSTALL_MODEL : undefined;
      await showError(`${NAME}: ${message}`, this.log, help);
    }
  }
}

function generateArguments(place: PointedPlace, prompt?: string): GenerateArguments {
  return { ...place.now, ...(prompt === undefined ? {} : { prompt }), target: 'document', wait: true };
}

async function chooseToCancel(running: readonly GenerationUpdate[]): Promise<GenerationReference | undefined> {
  const items = running.map((update) => ({
    label: vscode.workspace.asRelativePath(vscode.Uri.parse(update.uri)),
    description: `line ${(update.range?.start.line ?? 0) + 1}, ${update.tokens} tokens, ${update.elapsedSeconds.toFixed(1)} s`,
    reference: { id: update.id },
  }));
  const all = { label: `All ${running.length}`, description: '', reference: {} };
  const chosen = await vscode.window.showQuickPick([all, ...items], { title: 'Cancel which generation?' });
  return chosen?.reference;
}

function isCancelled(error: unknown): boolean {
  return (
    error instanceof vscode.CancellationError ||
    (error instanceof ResponseError &&
      (error.code === LSPErrorCodes.RequestCancelled || error.code === LSPErrorCodes.ServerCancelled))
  );
}

/** What went wrong between the server and a document is shown by the server itself, with where the text is. */
function isShownByServer(error: unknown): boolean {
  const data: unknown = error instanceof ResponseError ? error.data : undefined;
  return typeof data === 'object' && data !== null && 'kind' in data && data.kind === 'document';
}

function isContentModified(error: unknown): boolean {
  return error instanceof ResponseError && error.code === LSPErrorCodes.ContentModified;
}

function tell(message: string): Thenable<unknown> {
  return vscode.window.showInformationMessage(`${NAME}: ${message}`);
}
