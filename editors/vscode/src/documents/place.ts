/** A place in a document that the user has pointed at, wherever it is by now. */

import type * as vscode from 'vscode';

import type { TrackedDocument } from './trackedDocuments';
import type { GenerateArguments } from '../wire';

type Where = Pick<GenerateArguments, 'textDocument' | 'position' | 'range'>;

export class PointedPlace {
  private readonly version: number;
  private readonly start: number;
  private readonly end: number;

  /** The place is the editor's selection, as it is now. */
  constructor(
    private readonly editor: vscode.TextEditor,
    private readonly tracked: TrackedDocument | undefined,
  ) {
    const { document, selection } = editor;
    this.version = document.version;
    this.start = document.offsetAt(selection.start);
    this.end = document.offsetAt(selection.end);
  }

  /** The place in the document as it is now; the selection of now if what was selected has changed since. */
  get now(): Where {
    const { document, selection } = this.editor;
    const moved = this.moved();
    const start = moved ? document.positionAt(moved.start) : selection.start;
    const end = moved ? document.positionAt(moved.end) : selection.end;
    return {
      textDocument: { uri: document.uri.toString(), version: document.version },
      ...(start.isEqual(end) ? { position: plain(start) } : { range: { start: plain(start), end: plain(end) } }),
    };
  }

  private moved(): { start: number; end: number } | undefined {
    if (this.editor.document.version === this.version) {
      return { start: this.start, end: this.end };
    }
    const history = this.tracked?.history;
    if (history?.textAt(this.version) === undefined) {
      return undefined;
    }
    return history.carry([{ start: this.start, end: this.end, text: '' }], this.version)?.[0];
  }
}

function plain({ line, character }: vscode.Position): { line: number; character: number } {
  return { line, character };
}
