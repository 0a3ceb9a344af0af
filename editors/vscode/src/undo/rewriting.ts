/** Makes a document's undo steps anew as a plan says. */

import * as vscode from 'vscode';

import { makeEdit } from '../documents/applyEdit';
import { difference, replaced } from '../text';
import type { Replacement } from '../text';
import { Interruption } from './interruption';
import type { UndoPlan } from './undoPlan';

const MENDING_PAUSE_MS = 10;
const STEP = { undoStopBefore: true, undoStopAfter: true };

/** What an undo of ours has left, and what does it again. */
export interface Undone {
  /** The text without the last step. */
  target: string;
  redo: () => Promise<unknown>;
}

/** One attempt to undo to a base and to do all but the last step again from there, in steps that are right. */
export class Rewriting implements vscode.Disposable {
  private readonly interruption: Interruption;
  /** How many undos there have been, and how many of them led to the base. */
  private undos = 0;
  private undosToBase: number | undefined;
  private readonly subscription: vscode.Disposable;

  constructor(
    private readonly document: vscode.TextDocument,
    private readonly plan: UndoPlan,
  ) {
    const interruption = new Interruption(plan.final);
    this.interruption = interruption;
    this.subscription = vscode.workspace.onDidChangeTextDocument((event) => {
      if (event.document === document && event.contentChanges.length > 0) {
        const text = event.contentChanges.reduce(changed, interruption.text);
        interruption.take(text, event.reason !== undefined);
        this.count(text, event.reason);
      }
    });
  }

  dispose(): void {
    this.subscription.dispose();
  }

  /** Return what was left and how it is done again, or undefined if it failed; the text is right all the same. */
  async run(): Promise<Undone | undefined> {
    const undos = await this.undoToBase();
    const last = this.plan.steps.at(-1);
    if (undos !== undefined && last && (await this.doAgain(this.plan.steps.slice(0, -1)))) {
      const target = this.interruption.text;
      const isUndoneOnly = this.plan.steps.length === 1;
      return { target, redo: async () => (isUndoneOnly ? inOneGo('redo', undos) : makeEdit(this.document, [last], STEP)) };
    }
    await this.mend();
    return undefined;
  }

  private count(text: string, reason: vscode.TextDocumentChangeReason | undefined): void {
    if (reason === vscode.TextDocumentChangeReason.Undo) {
      this.undos += 1;
      if (text === this.plan.base) {
        this.undosToBase ??= this.undos;
      }
    }
  }

  /** Return how many undos it took. */
  private async undoToBase(): Promise<number | undefined> {
    // All of them before the editor shows any; the few that may be missing or too many are then seen.
    await inOneGo('undo', this.plan.likelyUndos);
    while (this.undos < this.plan.mostUndos && this.undosToBase === undefined && !this.interruption.hasHappened) {
      const { undos } = this;
      await vscode.commands.executeCommand('undo');
      if (this.undos === undos) {
        break; // there is nothing more to undo
      }
    }
    if (this.undosToBase !== undefined && this.undosToBase < this.undos) {
      await inOneGo('redo', this.undos - this.undosToBase);
    }
    return this.isAtBase && !this.interruption.hasHappened ? this.undosToBase : undefined;
  }

  private get isAtBase(): boolean {
    return this.interruption.text === this.plan.base;
  }

  private async doAgain(steps: readonly Replacement[]): Promise<boolean> {
    for (const step of steps) {
      if (this.interruption.hasHappened || !(await this.edit(step, true))) {
        return false;
      }
    }
    return !this.interruption.hasHappened;
  }

  /** Bring the text to the one it was, with what the user did to it meanwhile. */
  private async mend(): Promise<void> {
    while (!this.document.isClosed) {
      const step = difference(this.document.getText(), this.interruption.goal);
      if (!step || (await this.edit(step, false))) {
        return;
      }
      await new Promise((resolve) => setTimeout(resolve, MENDING_PAUSE_MS));
    }
  }

  private async edit(step: Replacement, withStops: boolean): Promise<boolean> {
    this.interruption.expect(replaced(this.document.getText(), [step]));
    return makeEdit(this.document, [step], { undoStopBefore: withStops, undoStopAfter: withStops });
  }
}

/** Run one of the editor's commands several times, where it runs by itself: no text in between is shown. */
function inOneGo(command: 'undo' | 'redo', times: number): Thenable<unknown> {
  return vscode.commands.executeCommand('runCommands', { commands: Array.from({ length: times }, () => command) });
}

function changed(text: string, change: vscode.TextDocumentContentChangeEvent): string {
  const start = change.rangeOffset;
  return replaced(text, [{ start, end: start + change.rangeLength, text: change.text }]);
}
