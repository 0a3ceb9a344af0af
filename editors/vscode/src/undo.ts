/**
 * Takes generated code back in one step, also where the editor has made many of them: see `undoPlan`.
 *
 * Nothing is done to a document until the person asks for an undo, since nobody may be interrupted while typing.
 * Then it is undone back to the text before the generation and done again in few steps, and the last one is undone.
 * Of all but that last undo the server is told nothing, since the text ends as it was; its regions would not survive
 * seeing their text go and come.
 */

import * as vscode from 'vscode';

import { makeEdit } from './applyEdit';
import type { TrackedDocument, TrackedDocuments } from './documents';
import type { Generations } from './generations';
import { Interruption } from './interruption';
import { difference, replaced } from './text';
import type { Replacement } from './text';
import { planUndoSteps } from './undoPlan';
import type { UndoPlan } from './undoPlan';

/** More steps would take noticeable time to undo; they stay as they are. */
const MOST_STEPS = 300;
const LONGEST_TEXT = 2_000_000;
const MOST_PLANS = 10;
const MENDING_PAUSE_MS = 10;
/** A key pressed so shortly before may reach us after what was typed next. */
const OVERTAKEN_MS = 250;
const CONTEXT = 'streamingCodeGenerator.canUndoGeneration';

/** Tells the server what became of a document while changes to it were held back. */
export type ReportChange = (document: vscode.TextDocument, before: string) => Promise<void>;

export class UndoSteps implements vscode.Disposable {
  private readonly plans = new WeakMap<vscode.TextDocument, UndoPlan[]>();
  /** The plan that an undo would follow in each document: the one that leads to the text as it is. */
  private readonly due = new WeakMap<vscode.TextDocument, UndoPlan>();
  /** When the person last changed a document in which a plan was due. */
  private readonly overtakenAtMs = new WeakMap<vscode.TextDocument, number>();
  private readonly held = new Set<vscode.TextDocument>();
  private queue: Promise<void> = Promise.resolve();
  private readonly subscriptions: vscode.Disposable[];

  constructor(
    private readonly documents: TrackedDocuments,
    private readonly generations: Generations,
    private readonly report: ReportChange,
    private readonly log: vscode.LogOutputChannel,
  ) {
    this.subscriptions = [
      generations.onDidUpdate((update) => this.prepare(update.uri)),
      vscode.workspace.onDidChangeTextDocument((event) => this.changed(event)),
      vscode.window.onDidChangeActiveTextEditor(() => this.showContext()),
    ];
  }

  /** Whether changes of a document are not to be told to the server just now. */
  isHolding(document: vscode.TextDocument): boolean {
    return this.held.has(document);
  }

  /** Undo in the active editor. A second call waits for the first. */
  readonly undo = (): Promise<void> => {
    this.queue = this.queue.then(() => this.undoNow());
    return this.queue;
  };

  dispose(): void {
    vscode.Disposable.from(...this.subscriptions).dispose();
  }

  private prepare(uri: string): void {
    const tracked = this.documents.get(uri);
    if (tracked && this.generations.all(uri).length === 0) {
      void tracked.inTurn(async () => this.plan(tracked));
    }
  }

  private plan(tracked: TrackedDocument): void {
    const { document, history, splits } = tracked;
    if (this.generations.all(document.uri.toString()).length > 0) {
      return;
    }
    const plan = planUndoSteps(history, splits > 0);
    if (plan && splits + plan.turns <= MOST_STEPS && plan.final.length <= LONGEST_TEXT) {
      this.plans.set(document, [plan, ...(this.plans.get(document) ?? [])].slice(0, MOST_PLANS));
    }
    this.documents.forget(document.uri.toString());
    this.findDue(document);
  }

  private changed({ document, contentChanges, reason }: vscode.TextDocumentChangeEvent): void {
    if (contentChanges.length === 0 || !this.plans.has(document) || this.held.has(document)) {
      return;
    }
    if (reason === undefined) {
      if (this.due.delete(document)) {
        this.overtakenAtMs.set(document, Date.now());
      }
      this.showContext();
    } else {
      this.findDue(document);
    }
  }

  private findDue(document: vscode.TextDocument): void {
    this.overtakenAtMs.delete(document);
    const plan = this.plans.get(document)?.find(({ final }) => final === document.getText());
    if (plan) {
      this.due.set(document, plan);
    } else {
      this.due.delete(document);
    }
    this.showContext();
  }

  private showContext(): void {
    const document = vscode.window.activeTextEditor?.document;
    void vscode.commands.executeCommand('setContext', CONTEXT, document !== undefined && this.due.has(document));
  }

  private async undoNow(): Promise<void> {
    const document = vscode.window.activeTextEditor?.document;
    const plan = document && this.due.get(document);
    if (document && Date.now() - (this.overtakenAtMs.get(document) ?? 0) < OVERTAKEN_MS) {
      return; // what was typed after the key would be undone, and not what the person meant
    }
    const isInOrder = !plan || (await this.putInOrder(document, plan));
    if (isInOrder) {
      await vscode.commands.executeCommand('undo');
    }
  }

  private async putInOrder(document: vscode.TextDocument, plan: UndoPlan): Promise<boolean> {
    this.plans.set(document, this.plans.get(document)?.filter((each) => each !== plan) ?? []);
    this.due.delete(document);
    this.held.add(document);
    const rewriting = new Rewriting(document, plan);
    try {
      const startMs = Date.now();
      const succeeded = await rewriting.run();
      const steps = `${plan.steps.length} for ${plan.turns} turns, in ${Date.now() - startMs} ms`;
      this.log.debug(succeeded ? `Undo steps put in order: ${steps}.` : 'The undo steps could not be put in order.');
      return succeeded;
    } finally {
      rewriting.dispose();
      this.held.delete(document);
      this.showContext();
      await this.report(document, plan.final);
    }
  }
}

/** One attempt to undo to a base and to do the same again in fewer steps. */
class Rewriting implements vscode.Disposable {
  private readonly interruption: Interruption;
  private readonly subscription: vscode.Disposable;

  constructor(
    private readonly document: vscode.TextDocument,
    private readonly plan: UndoPlan,
  ) {
    const interruption = new Interruption(plan.final);
    this.interruption = interruption;
    this.subscription = vscode.workspace.onDidChangeTextDocument((event) => {
      if (event.document === document && event.contentChanges.length > 0) {
        interruption.take(document.getText(), event.reason === vscode.TextDocumentChangeReason.Undo);
      }
    });
  }

  dispose(): void {
    this.subscription.dispose();
  }

  /** Return whether it succeeded; if not, the text is right all the same. */
  async run(): Promise<boolean> {
    if ((await this.undoToBase()) && (await this.doAgain())) {
      return true;
    }
    await this.mend();
    return false;
  }

  private async undoToBase(): Promise<boolean> {
    // As often as is needed at least, without waiting in between: the sooner it is over, the better.
    await Promise.all(Array.from({ length: this.plan.turns }, () => vscode.commands.executeCommand('undo')));
    for (let undos = this.plan.turns; undos < this.plan.mostUndos && !this.isAtBase; undos += 1) {
      if (this.interruption.hasHappened) {
        return false;
      }
      await vscode.commands.executeCommand('undo');
    }
    return this.isAtBase && !this.interruption.hasHappened;
  }

  private get isAtBase(): boolean {
    return this.interruption.text === this.plan.base;
  }

  private async doAgain(): Promise<boolean> {
    for (const step of this.plan.steps) {
      if (this.interruption.hasHappened || !(await this.edit(step, true))) {
        return false;
      }
    }
    return this.interruption.text === this.plan.final;
  }

  /** Bring the text to the one it was, with what the person did to it meanwhile. */
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
