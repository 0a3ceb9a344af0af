/**
 * Takes generated code back in one step, also where the editor has made many of them: see `undoPlan`.
 *
 * Nothing is done to a document until the user asks for an undo, so as not to interrupt typing.
 * Then it is undone back to the text before the generation, and all but the last step is done again in few steps.
 * The server is told only what came of it; its regions would not survive seeing their text go and come.
 */

import * as vscode from 'vscode';

import type { TrackedDocument, TrackedDocuments } from '../documents/trackedDocuments';
import type { Generations } from '../generations/generations';
import { Rewriting } from './rewriting';
import type { Undone } from './rewriting';
import { planUndoSteps } from './undoPlan';
import type { UndoPlan } from './undoPlan';
import type { UserUndo } from './userUndo';

/** More steps would take noticeable time to undo; they stay as they are. */
const MOST_STEPS = 300;
const LONGEST_TEXT = 2_000_000;
const MOST_PLANS = 10;
/** A key pressed so shortly before may reach us after what was typed next. */
const OVERTAKEN_MS = 250;
const CONTEXT = 'streamingCodeGenerator.canUndoGeneration';

/** Tells the server what became of a document while changes to it were held back. */
export type ReportChange = (
  document: vscode.TextDocument,
  before: string,
  reason: vscode.TextDocumentChangeReason,
) => Promise<void>;

export class UndoSteps implements vscode.Disposable {
  private readonly plans = new WeakMap<vscode.TextDocument, UndoPlan[]>();
  /** The plan that an undo would follow in each document: the one that leads to the text as it is. */
  private readonly due = new WeakMap<vscode.TextDocument, UndoPlan>();
  /** When the user last changed a document in which a plan was due. */
  private readonly overtakenAtMs = new WeakMap<vscode.TextDocument, number>();
  /** What the last undo of ours left in each document, and what does it again. */
  private readonly undone = new WeakMap<vscode.TextDocument, Undone>();
  private isContextSet = false;
  private readonly holding = new Set<vscode.TextDocument>();
  private queue: Promise<void> = Promise.resolve();
  private readonly subscriptions: vscode.Disposable[];

  constructor(
    private readonly documents: TrackedDocuments,
    private readonly generations: Generations,
    private readonly own: UserUndo,
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
    return this.holding.has(document);
  }

  /** Undo in the active editor. A second call waits for the first. */
  readonly undo = (): Promise<void> => {
    this.queue = this.queue.then(() => this.undoNow());
    return this.queue;
  };

  /** Redo in the active editor. */
  readonly redo = (): Promise<void> => {
    this.queue = this.queue.then(() => this.redoNow());
    return this.queue;
  };

  dispose(): void {
    vscode.Disposable.from(...this.subscriptions).dispose();
  }

  private prepare(uri: string): void {
    const tracked = this.documents.get(uri);
    if (tracked && this.generations.all(uri).length === 0) {
      void tracked.inTurn(() => this.plan(tracked));
    }
    this.showContext();
  }

  private plan(tracked: TrackedDocument): void {
    const { document, history, splits } = tracked;
    if (this.generations.all(document.uri.toString()).length > 0) {
      return;
    }
    const plan = planUndoSteps(history, splits);
    if (plan && plan.likelyUndos <= MOST_STEPS && plan.final.length <= LONGEST_TEXT) {
      this.plans.set(document, [plan, ...(this.plans.get(document) ?? [])].slice(0, MOST_PLANS));
    }
    this.documents.forget(document.uri.toString());
    this.findDue(document);
  }

  private changed({ document, contentChanges, reason }: vscode.TextDocumentChangeEvent): void {
    if (contentChanges.length === 0 || !this.plans.has(document) || this.holding.has(document)) {
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
    const isOurs = document !== undefined && (this.due.has(document) || this.isGrowing(document));
    if (isOurs !== this.isContextSet) {
      this.isContextSet = isOurs;
      void vscode.commands.executeCommand('setContext', CONTEXT, isOurs);
    }
  }

  private isGrowing(document: vscode.TextDocument): boolean {
    return this.generations.all(document.uri.toString()).length > 0;
  }

  private async undoNow(): Promise<void> {
    const document = vscode.window.activeTextEditor?.document;
    if (document && this.isGrowing(document) && (await this.own.undo(document))) {
      return;
    }
    const plan = document && this.due.get(document);
    if (document && Date.now() - (this.overtakenAtMs.get(document) ?? 0) < OVERTAKEN_MS) {
      return; // what was typed after the key would be undone, and not what the user meant
    }
    if (plan) {
      await this.undoLastStep(document, plan);
    } else {
      await vscode.commands.executeCommand('undo');
    }
  }

  private async redoNow(): Promise<void> {
    const document = vscode.window.activeTextEditor?.document;
    const undone = document && this.undone.get(document);
    if (document && (await this.own.redo(document))) {
      return;
    }
    if (document && undone?.target === document.getText()) {
      await this.held(document, undone.target, vscode.TextDocumentChangeReason.Redo, undone.redo);
      this.findDue(document);
    } else {
      await vscode.commands.executeCommand('redo');
    }
  }

  private async undoLastStep(document: vscode.TextDocument, plan: UndoPlan): Promise<void> {
    this.due.delete(document);
    const rewriting = new Rewriting(document, plan);
    try {
      await this.held(document, plan.final, vscode.TextDocumentChangeReason.Undo, async () => {
        const startMs = Date.now();
        const undone = await rewriting.run();
        const steps = `${plan.steps.length} for ${plan.likelyUndos}, in ${Date.now() - startMs} ms`;
        this.log.debug(undone ? `Undo steps put in order: ${steps}.` : 'The undo steps could not be put in order.');
        if (undone) {
          this.undone.set(document, undone);
        }
      });
    } finally {
      rewriting.dispose();
    }
  }

  /** Do something to a document of which the server is told only what comes of it. */
  private async held(
    document: vscode.TextDocument,
    before: string,
    reason: vscode.TextDocumentChangeReason,
    task: () => Promise<unknown>,
  ): Promise<void> {
    this.holding.add(document);
    try {
      await task();
    } finally {
      this.holding.delete(document);
      this.showContext();
      await this.report(document, before, reason);
    }
  }
}
