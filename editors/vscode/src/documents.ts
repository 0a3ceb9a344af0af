/** Records what happens to the documents that code is generated into. */

import * as vscode from 'vscode';

import { DocumentHistory } from './history';

/** One document while code is generated into it. */
export class TrackedDocument {
  readonly history: DocumentHistory;
  /** How often the editor may have begun an undo step of its own among the server's edits. */
  splits = 0;
  /** Whether the next edit of the server's is a generation's first. */
  beginsStep = true;
  private queue: Promise<unknown> = Promise.resolve();

  constructor(readonly document: vscode.TextDocument) {
    this.history = new DocumentHistory(document.version, document.getText());
  }

  /** Run one thing after the other, whatever became of the one before. */
  inTurn<T>(task: () => Promise<T>): Promise<T> {
    const run = this.queue.then(task, task);
    this.queue = run.catch(() => undefined);
    return run;
  }

  take(event: vscode.TextDocumentChangeEvent): void {
    if (event.contentChanges.length === 0) {
      return;
    }
    this.history.record(event.document.version, event.contentChanges, event.document.getText());
    if (event.reason !== undefined) {
      this.history.isUnclear = true;
    }
  }

  get hasServersEdits(): boolean {
    return this.history.entries.some((entry) => entry.author === 'server');
  }
}

export class TrackedDocuments implements vscode.Disposable {
  private readonly tracked = new Map<string, TrackedDocument>();
  private readonly changed = new vscode.EventEmitter<TrackedDocument>();
  /** Fires after a change of a tracked document has been recorded. */
  readonly onDidChange = this.changed.event;
  private readonly subscriptions = [
    this.changed,
    vscode.workspace.onDidChangeTextDocument((event) => this.take(event)),
    vscode.workspace.onDidSaveTextDocument((document) => this.split(document)),
    vscode.workspace.onDidCloseTextDocument((document) => this.forget(document.uri.toString())),
    vscode.window.onDidChangeTextEditorSelection((event) => {
      if (event.kind !== undefined) {
        this.split(event.textEditor.document);
      }
    }),
  ];

  /** Begin to record a document, if it is open and not recorded yet. */
  track(uri: string): TrackedDocument | undefined {
    const known = this.get(uri);
    if (known) {
      return known;
    }
    const document = vscode.workspace.textDocuments.find((each) => each.uri.toString() === normalised(uri));
    if (!document || document.isClosed) {
      return undefined;
    }
    const tracked = new TrackedDocument(document);
    this.tracked.set(normalised(uri), tracked);
    return tracked;
  }

  /** Take it that a generation begins in a document. */
  beginStep(uri: string): void {
    const tracked = this.track(uri);
    if (tracked) {
      tracked.beginsStep = true;
    }
  }

  get(uri: string): TrackedDocument | undefined {
    return this.tracked.get(normalised(uri));
  }

  forget(uri: string): void {
    this.tracked.delete(normalised(uri));
  }

  dispose(): void {
    vscode.Disposable.from(...this.subscriptions).dispose();
  }

  private take(event: vscode.TextDocumentChangeEvent): void {
    const tracked = this.get(event.document.uri.toString());
    if (tracked) {
      tracked.take(event);
      this.changed.fire(tracked);
    }
  }

  private split(document: vscode.TextDocument): void {
    const tracked = this.get(document.uri.toString());
    if (tracked?.hasServersEdits) {
      tracked.splits += 1;
    }
  }
}

/** The editor's spelling of an address: `file:///c:/x` and `file:///c%3A/x` are the same. */
export function normalised(uri: string): string {
  return vscode.Uri.parse(uri, true).toString();
}
