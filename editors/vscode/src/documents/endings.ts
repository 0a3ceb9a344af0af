/** Ends generations whose document the user throws away, and says what a file holds that was closed meanwhile. */

import * as vscode from 'vscode';

import type { BusyDocuments } from './busyDocuments';
import type { ServerControl } from '../server/serverControl';
import type { Discard } from './dirtyState';
import { shownBy } from './trackedDocuments';
import type { TrackedDocument, TrackedDocuments } from './trackedDocuments';
import type { Generations } from '../generations/generations';
import { NAME } from '../names';
import { ServerCommand } from '../wire';

const MOST_ATTEMPTS = 4;
const ATTEMPT_MS = 250;
/** A document that is still open so long after its tab was closed is kept by another extension, for minutes. */
const OUTLIVES_MS = 1_000;
/** What `vscode.open` stands for where commands of the editor itself run. */
const SHOW = '_workbench.open';

export class Endings implements vscode.Disposable {
  private readonly subscriptions: vscode.Disposable[];

  constructor(
    private readonly server: ServerControl,
    private readonly documents: TrackedDocuments,
    private readonly busy: BusyDocuments,
    private readonly generations: Generations,
    private readonly log: vscode.LogOutputChannel,
  ) {
    this.subscriptions = [
      documents.onDidDiscard(({ tracked, discard }) => void this.discarded(tracked, discard)),
      documents.onDidForgetClosed((tracked) => this.closed(tracked)),
      vscode.window.tabGroups.onDidChangeTabs(({ closed }) => closed.forEach((tab) => void this.tabClosed(tab))),
    ];
  }

  dispose(): void {
    vscode.Disposable.from(...this.subscriptions).dispose();
  }

  private async discarded({ document }: TrackedDocument, discard: Discard): Promise<void> {
    const uri = document.uri.toString();
    if (this.generations.all(uri).length === 0) {
      return;
    }
    this.log.info(`The changes of ${vscode.workspace.asRelativePath(document.uri)} were thrown away: its generations end.`);
    await Promise.all([
      this.server.execute(ServerCommand.cancel, { uri }).catch(() => undefined), // it has ended by itself
      discard === 'undone' ? discardAgain(document) : undefined,
    ]);
  }

  /** A tab that the user closes ends what is generated there, though its document may stay open without it. */
  private async tabClosed({ input }: vscode.Tab): Promise<void> {
    const uris = shownBy(input).map((uri) => uri.toString());
    for (const tracked of uris.flatMap((uri) => this.documents.get(uri) ?? [])) {
      const { document } = tracked;
      tracked.hasLostTab = true;
      if (tracked.isPutAway() && this.generations.all(document.uri.toString()).length > 0) {
        await closedWithin(document, OUTLIVES_MS);
        if (tracked.isPutAway() && !document.isClosed && !this.busy.isRenaming(document)) {
          this.closed(tracked);
          await this.server.execute(ServerCommand.cancel, { uri: document.uri.toString() }).catch(() => undefined);
        }
      }
    }
  }

  private closed({ document, history, isDiscarded }: TrackedDocument): void {
    const isGrowing = this.generations.all(document.uri.toString()).length > 0;
    const isSaved = !isDiscarded && document.uri.scheme !== 'untitled' && !this.busy.isRenaming(document);
    if (isGrowing && isSaved && history.entries.some(({ author }) => author === 'server')) {
      const name = vscode.workspace.asRelativePath(document.uri);
      const message = `${name} was saved and closed while code was still arriving: it holds what had arrived by then.`;
      void vscode.window.showWarningMessage(`${NAME}: ${message}`, 'Open').then((chosen) => {
        if (chosen) {
          void vscode.window.showTextDocument(document.uri);
        }
      });
    }
  }
}

/**
 * Do what the user asked for once more, now that no edit comes in between: take the text of the file, and close the
 * tab, which the editor did not do because the document was dirty again.
 *
 * The tab is shown first, in the same go, since the editor does this to the active one only.
 */
async function discardAgain(document: vscode.TextDocument): Promise<void> {
  const commands = [{ command: SHOW, args: document.uri }, 'workbench.action.revertAndCloseActiveEditor'];
  for (let attempt = 0; attempt < MOST_ATTEMPTS && !document.isClosed; attempt += 1) {
    await vscode.commands.executeCommand('runCommands', { commands });
    // What the user asked for may still be under way, and then the tab stays for that reason.
    await closedWithin(document, ATTEMPT_MS);
  }
}

async function closedWithin(document: vscode.TextDocument, ms: number): Promise<void> {
  await new Promise<void>((resolve) => {
    const done = () => {
      clearTimeout(timer);
      subscription.dispose();
      resolve();
    };
    const timer = setTimeout(done, ms);
    const subscription = vscode.workspace.onDidCloseTextDocument((closed) => closed === document && done());
  });
}
