/** The palette's commands that concern generations. */

import * as vscode from 'vscode';
import { LSPErrorCodes, ResponseError } from 'vscode-languageclient/node';

import type { ServerControl } from './client';
import type { TrackedDocuments } from './documents';
import type { Generations } from './generations';
import { showError } from './log';
import { NAME } from './names';
import { askForPrompt } from './prompt';
import { deselect } from './selections';
import { ServerCommand } from './wire';
import type { GenerateArguments, GenerationReference, GenerationUpdate } from './wire';

export class GenerationCommands {
  constructor(
    private readonly server: ServerControl,
    private readonly documents: TrackedDocuments,
    private readonly generations: Generations,
    private readonly memory: vscode.Memento,
    private readonly log: vscode.LogOutputChannel,
  ) {}

  readonly generate = async (): Promise<void> => {
    const editor = vscode.window.activeTextEditor;
    if (!editor) {
      return void tell('Open a file and place the cursor where the code should go.');
    }
    const what = editor.selection.isEmpty ? 'Generate code at the cursor' : 'Replace the selection';
    const prompt = await askForPrompt(this.memory, what);
    if (prompt !== undefined) {
      await this.run(editor, prompt);
    }
  };

  readonly generateFromComment = async (): Promise<void> => {
    const editor = vscode.window.activeTextEditor;
    if (!editor) {
      return void tell('Open a file and place the cursor at a comment that says what to write.');
    }
    await this.run(editor);
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

  private async run(editor: vscode.TextEditor, prompt?: string): Promise<void> {
    try {
      await this.execute(ServerCommand.generate, generateArguments(editor, prompt));
    } catch (error) {
      if (!isContentModified(error)) {
        return this.report(error);
      }
      // The document changed on the way to the server: what counts is where cursor or selection are now.
      await this.ask(ServerCommand.generate, generateArguments(editor, prompt));
    }
  }

  private async askForActiveDocument(command: string): Promise<void> {
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
      await showError(`${NAME}: ${error instanceof Error ? error.message : String(error)}`, this.log);
    }
  }
}

function generateArguments(editor: vscode.TextEditor, prompt?: string): GenerateArguments {
  const { document, selection } = editor;
  const where = selection.isEmpty
    ? { position: plain(selection.active) }
    : { range: { start: plain(selection.start), end: plain(selection.end) } };
  return {
    textDocument: { uri: document.uri.toString(), version: document.version },
    ...where,
    ...(prompt === undefined ? {} : { prompt }),
    target: 'document',
    wait: true,
  };
}

function plain({ line, character }: vscode.Position): { line: number; character: number } {
  return { line, character };
}

async function chooseToCancel(running: readonly GenerationUpdate[]): Promise<GenerationReference | undefined> {
  const items = running.map((update) => ({
    label: vscode.workspace.asRelativePath(vscode.Uri.parse(update.uri)),
    description: `line ${(update.range?.start.line ?? 0) + 1}, ${update.tokens} tokens, ${update.elapsedSeconds.toFixed(1)} s`,
    reference: { id: update.id } as GenerationReference,
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
