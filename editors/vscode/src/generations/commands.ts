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
import { SECTION, ServerCommand } from '../wire';
import type { GenerateArguments, GenerationReference, GenerationUpdate, ServerStatus } from '../wire';

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
    // The server is found, or installed, before a prompt is asked for.
    await this.generateBy(async () => ((await this.server.prepare()) ? {} : undefined));
  };

  readonly generateWithProfile = async (): Promise<void> => {
    await this.generateBy(async () => {
      const status = await this.server.execute(ServerCommand.status, {});
      const profile = await chooseProfile((status as ServerStatus).profiles);
      return profile === undefined ? undefined : { profile };
    });
  };

  /** Generate by one of the profiles that a code action offers, each with the place it is for. */
  readonly chooseProfile = async (offers: readonly GenerateArguments[]): Promise<void> => {
    const chosen = await chooseProfile(offers.map((offer) => offer.profile ?? ''));
    const offer = offers.find(({ profile }) => profile === chosen);
    if (offer) {
      await this.ask(ServerCommand.generate, { ...offer, wait: true });
    }
  };

  private async generateBy(choose: () => Promise<{ profile?: string } | undefined>): Promise<void> {
    const editor = vscode.window.activeTextEditor;
    if (!editor) {
      return void tell('Open a file and place the cursor where the code should go.');
    }
    const place = this.placeIn(editor);
    const what = editor.selection.isEmpty ? 'Generate code at the cursor' : 'Replace the selection';
    const choice = await choose().catch((error: unknown) => void this.report(error));
    const by = choice?.profile === undefined ? '' : ` with ${choice.profile}`;
    const prompt = choice && (await this.prompts.ask(what + by));
    if (prompt !== undefined) {
      await this.run(place, { ...choice, prompt });
    }
  }

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

  private async run(place: PointedPlace, asked: Asked = {}): Promise<void> {
    try {
      await this.server.whenRunning();
      await this.execute(ServerCommand.generate, generateArguments(place, asked));
    } catch (error) {
      if (!isContentModified(error)) {
        return this.report(error);
      }
      // The document changed on the way to the server.
      await this.ask(ServerCommand.generate, generateArguments(place, asked));
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

/** What a user asks for; without a prompt it is what stands in the document. */
type Asked = Pick<GenerateArguments, 'prompt' | 'profile'>;

function generateArguments(place: PointedPlace, asked: Asked): GenerateArguments {
  return { ...place.now, ...asked, target: 'document', wait: true };
}

async function chooseProfile(names: readonly string[]): Promise<string | undefined> {
  if (names.length === 0) {
    return void tell(`No profiles are set: "${SECTION}.profiles" in your settings has them.`);
  }
  return vscode.window.showQuickPick(names, { title: 'Generate with which profile?' });
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
