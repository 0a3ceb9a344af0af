/** Records what happens to the documents that code is generated into. */

import * as vscode from 'vscode';

import { DirtyState } from './dirtyState';
import type { Discard } from './dirtyState';
import { DocumentHistory } from '../undo/documentHistory';
import type { LazyText } from '../undo/documentHistory';

/** One document while code is generated into it. */
export class TrackedDocument {
  readonly history: DocumentHistory;
  /** How often the editor has begun an undo step of its own between two edits of the server's. */
  splits = 0;
  /** Whether the editor begins a step with the next edit, whatever is asked for. */
  private isSplit = false;
  /** Whether the next edit of the server's is a generation's first. */
  beginsStep = true;
  /** Whether the user has thrown away what is not on disk: nothing may be written here any more. */
  isDiscarded = false;
  /** Whether a tab that showed it was closed since the newest generation began. */
  hasLostTab = false;
  private readonly dirty: DirtyState;
  private queue: Promise<unknown> = Promise.resolve();

  constructor(readonly document: vscode.TextDocument) {
    this.history = new DocumentHistory(document.version, document.getText());
    this.dirty = new DirtyState(document.version, document.isDirty);
  }

  /** Whether the user has closed its tab: an edit would open it again. */
  isPutAway(): boolean {
    return this.hasLostTab && !hasTab(this.document);
  }

  /** Run one thing after the other, whatever became of the one before. */
  inTurn<T>(task: () => T | Promise<T>): Promise<T> {
    const run = this.queue.then(task, task);
    this.queue = run.catch(() => undefined);
    return run;
  }

  /** Record a change; return whether it shows that the user throws the document's changes away. */
  take({ document, contentChanges, reason }: vscode.TextDocumentChangeEvent): Discard | undefined {
    const isUndo = reason !== undefined;
    const isChange = contentChanges.length > 0;
    if (isChange) {
      this.history.record(document.version, contentChanges, textOf(document), isUndo);
      this.history.isUnclear ||= isUndo;
    } else if (document.version !== this.history.version) {
      this.history.record(document.version, [], textOf(document)); // its line endings are others now
    }
    const { version, isDirty } = document;
    const discard = this.dirty.take({ version, isDirty, isChange, isUndo });
    this.isDiscarded ||= discard !== undefined;
    return discard;
  }

  /** Take it that the editor begins an undo step with the next edit. */
  split(): void {
    this.isSplit = true;
  }

  /** Take it that an edit of the server's led to a version, in an undo step of its own or not. */
  streamed(version: number, isStep: boolean): void {
    if ((this.isSplit || isStep) && this.history.authorBefore(version) === 'server') {
      this.splits += 1;
    }
    this.isSplit = isStep;
    this.beginsStep = false;
    this.history.markServers(version);
  }
}

export class TrackedDocuments implements vscode.Disposable {
  private readonly tracked = new Map<string, TrackedDocument>();
  private readonly changed = new vscode.EventEmitter<TrackedDocument>();
  /** Fires after a change of a tracked document has been recorded. */
  readonly onDidChange = this.changed.event;
  private readonly discarded = new vscode.EventEmitter<{ tracked: TrackedDocument; discard: Discard }>();
  /** Fires when the user throws away what a document has that is not on disk. */
  readonly onDidDiscard = this.discarded.event;
  private readonly forgotten = new vscode.EventEmitter<TrackedDocument>();
  /** Fires when a document is no longer recorded because it was closed. */
  readonly onDidForgetClosed = this.forgotten.event;
  private readonly subscriptions = [
    this.changed,
    this.discarded,
    this.forgotten,
    vscode.workspace.onDidChangeTextDocument((event) => this.take(event)),
    vscode.workspace.onDidSaveTextDocument((document) => this.split(document)),
    vscode.workspace.onDidCloseTextDocument((document) => this.closed(document)),
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
      tracked.isDiscarded = false;
      tracked.hasLostTab = false;
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
      const discard = tracked.take(event);
      this.changed.fire(tracked);
      if (discard) {
        this.discarded.fire({ tracked, discard });
      }
    }
  }

  /** A document whose language changes is closed and opened again for show, and stays what it is. */
  private closed(document: vscode.TextDocument): void {
    const tracked = document.isClosed ? this.get(document.uri.toString()) : undefined;
    if (tracked) {
      this.forget(document.uri.toString());
      this.forgotten.fire(tracked);
    }
  }

  private split(document: vscode.TextDocument): void {
    this.get(document.uri.toString())?.split();
  }
}

/** A document's text, put together only where it is needed: that takes long in a long document. */
export function textOf(document: vscode.TextDocument): LazyText {
  const end = document.lineAt(document.lineCount - 1).range.end;
  return { length: document.offsetAt(end), toString: () => document.getText() };
}

/** Whether a tab shows a document, alone or beside another version of it. */
function hasTab(document: vscode.TextDocument): boolean {
  const tabs = vscode.window.tabGroups.all.flatMap((group) => group.tabs);
  return tabs.some(({ input }) => shownBy(input).some((uri) => uri.toString() === document.uri.toString()));
}

/** What a tab shows of documents that can be edited. */
export function shownBy(input: unknown): vscode.Uri[] {
  if (input instanceof vscode.TabInputText) {
    return [input.uri];
  }
  return input instanceof vscode.TabInputTextDiff ? [input.original, input.modified] : [];
}

/** The editor's spelling of an address: `file:///c:/x` and `file:///c%3A/x` are the same. */
export function normalised(uri: string): string {
  return vscode.Uri.parse(uri, true).toString();
}
