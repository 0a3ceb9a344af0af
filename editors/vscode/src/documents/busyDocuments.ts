/**
 * Knows which documents the editor is saving or renaming: edits wait until it is done.
 *
 * An edit made between the moment a file is written and the moment the editor takes it for saved leaves it unsaved
 * again: "Save" in the question that a closing tab asks then does not close it. Formatters that run on saving are
 * refused by the editor for the same reason. A file that is renamed is opened under its new name with the text it had
 * at the beginning: an edit made meanwhile is in the old document only, whose tab then stays.
 */

import * as vscode from 'vscode';

/** A save or a rename that fails is never told of; after so long edits go on. */
const LONGEST_SAVE_MS = 4_000;
const LONGEST_RENAME_MS = 8_000;

export class BusyDocuments implements vscode.Disposable {
  private readonly running = new Map<vscode.TextDocument, { done: Promise<void>; end: () => void }>();
  private readonly renaming = new WeakSet<vscode.TextDocument>();
  private readonly subscriptions = [
    vscode.workspace.onWillSaveTextDocument(({ document }) => this.isRenaming(document) || this.begin(document, LONGEST_SAVE_MS)),
    vscode.workspace.onDidSaveTextDocument((document) => this.isRenaming(document) || this.running.get(document)?.end()),
    vscode.workspace.onWillRenameFiles(({ files }) => files.forEach(({ oldUri }) => this.beginRename(oldUri))),
    // A document whose language changes is closed and opened again for show.
    vscode.workspace.onDidCloseTextDocument((document) => document.isClosed && this.running.get(document)?.end()),
  ];

  /** Return at once, or when the save or the rename that runs is over. */
  async over(document: vscode.TextDocument): Promise<void> {
    await this.running.get(document)?.done;
  }

  /** Whether a document is being renamed, or was closed because it has been. */
  isRenaming(document: vscode.TextDocument): boolean {
    return this.renaming.has(document);
  }

  dispose(): void {
    vscode.Disposable.from(...this.subscriptions).dispose();
    [...this.running.values()].forEach(({ end }) => end());
  }

  /** A folder is renamed with all that is in it. The new name is told of before the old document is closed. */
  private beginRename(uri: vscode.Uri): void {
    const isInside = (each: vscode.Uri) => each.path === uri.path || each.path.startsWith(`${uri.path}/`);
    for (const document of vscode.workspace.textDocuments) {
      if (document.uri.scheme === uri.scheme && document.uri.authority === uri.authority && isInside(document.uri)) {
        this.begin(document, LONGEST_RENAME_MS);
        this.renaming.add(document);
      }
    }
  }

  private begin(document: vscode.TextDocument, longestMs: number): void {
    this.running.get(document)?.end();
    const { promise, resolve } = withResolver();
    const end = () => {
      clearTimeout(timer);
      this.running.delete(document);
      if (!document.isClosed) {
        this.renaming.delete(document);
      }
      resolve();
    };
    const timer = setTimeout(end, longestMs);
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
