/** Sees to it that code which replaces a selection is not selected itself: the next key would delete it. */

import * as vscode from 'vscode';
import type { Position, Range } from 'vscode-languageclient/node';

import type { TrackedDocument } from './trackedDocuments';

/** Make a cursor of each selection that is exactly one of the ranges, at the end of it, where the code will grow. */
export function collapseSelections(document: vscode.TextDocument, ranges: readonly vscode.Range[]): void {
  const replaced = ranges.filter((range) => !range.isEmpty);
  if (replaced.length === 0) {
    return;
  }
  for (const editor of vscode.window.visibleTextEditors) {
    const isReplaced = (selection: vscode.Selection) => replaced.some((range) => range.isEqual(selection));
    if (editor.document === document && editor.selections.some(isReplaced)) {
      editor.selections = editor.selections.map((selection) =>
        isReplaced(selection) ? new vscode.Selection(selection.end, selection.end) : selection,
      );
    }
  }
}

/**
 * Make a cursor of the selection that is to be replaced, from the start: a key pressed before any code arrives would
 * delete it. Returns what selects it again, wherever it is then, if it still stands as it did.
 */
export function deselect(tracked: TrackedDocument, range: Range): () => void {
  const { document, history } = tracked;
  const { version } = document;
  const [start, end] = [document.offsetAt(position(range.start)), document.offsetAt(position(range.end))];
  collapseSelections(document, [new vscode.Range(position(range.start), position(range.end))]);
  return () => {
    const isRecorded = history.version === document.version;
    const there = isRecorded ? history.carry([{ start, end, text: '' }], version)?.[0] : undefined;
    const editor = vscode.window.visibleTextEditors.find((each) => each.document === document);
    if (there && editor?.selection.isEmpty && document.offsetAt(editor.selection.active) === there.end) {
      editor.selection = new vscode.Selection(document.positionAt(there.start), document.positionAt(there.end));
    }
  };
}

function position({ line, character }: Position): vscode.Position {
  return new vscode.Position(line, character);
}
