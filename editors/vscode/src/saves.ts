/**
 * Knows which documents are being saved.
 *
 * An edit made between the moment a file is written and the moment the editor takes it for saved leaves it unsaved
 * again: "Save" in the question that a closing tab asks then does not close it. Formatters that run on saving are
 * refused by the editor for the same reason. So edits wait until a save is over.
 */

import * as vscode from 'vscode';

/** A save that fails is never told of; after so long edits go on. */
const LONGEST_SAVE_MS = 4_000;

export class Saves implements vscode.Disposable {
  private readonly running = new Map<vscode.TextDocument, { done: Promise<void>; end: () => void }>();
  private readonly subscriptions = [
    vscode.workspace.onWillSaveTextDocument((event) => this.begin(event.document)),
    vscode.workspace.onDidSaveTextDocument((document) => this.running.get(document)?.end()),
    vscode.workspace.onDidCloseTextDocument((document) => this.running.get(document)?.end()),
  ];

  /** Return at once, or when the save that runs is over. */
  async over(document: vscode.TextDocument): Promise<void> {
    await this.running.get(document)?.done;
  }

  dispose(): void {
    vscode.Disposable.from(...this.subscriptions).dispose();
    [...this.running.values()].forEach(({ end }) => end());
  }

  private begin(document: vscode.TextDocument): void {
    this.running.get(document)?.end();
    const { promise, resolve } = withResolver();
    const end = () => {
      clearTimeout(timer);
      this.running.delete(document);
      resolve();
    };
    const timer = setTimeout(end, LONGEST_SAVE_MS);
    this.running.set(document, { done: promise, end });
  }
}

function withResolver(): { promise: Promise<void>; resolve: () => void } {
  let resolve: () => void = () => undefined;
  const promise = new Promise<void>((taken) => {
    resolve = taken;
  });
  return { promise, resolve };
}
