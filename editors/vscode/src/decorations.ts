/** Marks the code that is growing, and shows beside it the lines that it replaces. */

import * as vscode from 'vscode';

import { isRunning } from './generations';
import type { Generations } from './generations';
import { besides, isStillThere } from './replacedLines';
import type { GenerationUpdate } from './wire';

export class GrowingCode implements vscode.Disposable {
  private readonly growing = vscode.window.createTextEditorDecorationType({
    backgroundColor: new vscode.ThemeColor('streamingCodeGenerator.growingBackground'),
    isWholeLine: true,
    overviewRulerColor: new vscode.ThemeColor('streamingCodeGenerator.growingOverviewRuler'),
    overviewRulerLane: vscode.OverviewRulerLane.Left,
    // What is added at the end belongs to it at once, not only when the server says so.
    rangeBehavior: vscode.DecorationRangeBehavior.ClosedOpen,
  });
  private readonly aboutToGo = vscode.window.createTextEditorDecorationType({
    textDecoration: 'line-through',
    opacity: '0.6',
    rangeBehavior: vscode.DecorationRangeBehavior.ClosedClosed,
  });
  private readonly gone = vscode.window.createTextEditorDecorationType({
    after: {
      margin: '0 0 0 4em',
      color: new vscode.ThemeColor('streamingCodeGenerator.replacedForeground'),
      textDecoration: 'line-through',
    },
    rangeBehavior: vscode.DecorationRangeBehavior.ClosedClosed,
  });
  /** The text that each running generation replaces, by its id; empty where it replaces none. */
  private readonly replaced = new Map<string, string>();
  private readonly subscriptions: vscode.Disposable[];

  constructor(private readonly generations: Generations) {
    this.subscriptions = [
      this.growing,
      this.aboutToGo,
      this.gone,
      generations.onDidUpdate((update) => this.take(update)),
      vscode.window.onDidChangeVisibleTextEditors((editors) => editors.forEach((editor) => this.decorate(editor))),
    ];
  }

  dispose(): void {
    vscode.Disposable.from(...this.subscriptions).dispose();
  }

  private take(update: GenerationUpdate): void {
    if (!isRunning(update)) {
      this.replaced.delete(update.id);
    } else if (!this.replaced.has(update.id) && update.range) {
      // The first word of a generation comes before its first edit.
      this.replaced.set(update.id, documentOf(update)?.getText(toRange(update.range)) ?? '');
    }
    vscode.window.visibleTextEditors
      .filter((editor) => editor.document.uri.toString() === update.uri)
      .forEach((editor) => this.decorate(editor));
  }

  private decorate(editor: vscode.TextEditor): void {
    const shown = this.generations
      .all(editor.document.uri.toString())
      .filter(isRunning)
      .flatMap(({ id, range }) => (range ? [{ range: toRange(range), old: this.replaced.get(id) ?? '' }] : []));
    const isWaiting = ({ range, old }: Shown) => isStillThere(old, editor.document.getText(range));
    editor.setDecorations(this.growing, shown.map(({ range }) => range));
    editor.setDecorations(this.aboutToGo, shown.filter(isWaiting).map(({ range }) => range));
    editor.setDecorations(this.gone, shown.filter((each) => !isWaiting(each)).flatMap((each) => ghosts(editor.document, each)));
  }
}

interface Shown {
  range: vscode.Range;
  /** What stood there before. */
  old: string;
}

/** What was replaced, line by line beside the code that takes its place, and all of it where the pointer rests. */
function ghosts(document: vscode.TextDocument, { range, old }: Shown): vscode.DecorationOptions[] {
  const hoverMessage = new vscode.MarkdownString('Replaces:\n').appendCodeblock(old, document.languageId);
  return besides(old, range.end.line - range.start.line + 1).map((contentText, index) => ({
    range: document.lineAt(Math.min(range.start.line + index, document.lineCount - 1)).range,
    hoverMessage,
    renderOptions: { after: { contentText } },
  }));
}

function documentOf(update: GenerationUpdate): vscode.TextDocument | undefined {
  return vscode.workspace.textDocuments.find((each) => each.uri.toString() === update.uri);
}

function toRange({ start, end }: NonNullable<GenerationUpdate['range']>): vscode.Range {
  return new vscode.Range(start.line, start.character, end.line, end.character);
}
