/** Marks the code that is growing, what will still go, and beside it what has gone for it. */

import * as vscode from 'vscode';

import { isRunning } from './generations';
import type { Generations } from './generations';
import { besides, leftOf, movedBy } from './replacedLines';
import type { Region } from './replacedLines';
import type { GenerationUpdate } from '../wire';

/** So often at most is growth shown that the editor shows by itself: painting it anew holds up the next edit. */
const PAUSE_MS = 500;

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
  /** The running generations that have a place, by their ids. */
  private readonly places = new Map<string, Place>();
  /** Editors in which old lines are marked. */
  private readonly replacing = new WeakSet<vscode.TextEditor>();
  /** The documents whose growth is shown shortly. */
  private readonly pausing = new Map<string, NodeJS.Timeout>();
  /** When each document's growth was shown last. */
  private readonly shownAt = new Map<string, number>();
  private readonly subscriptions: vscode.Disposable[];

  constructor(generations: Generations) {
    this.subscriptions = [
      this.growing,
      this.aboutToGo,
      this.gone,
      generations.onDidReceive((update) => this.take(update)),
      vscode.workspace.onDidChangeTextDocument((event) => this.move(event)),
      vscode.window.onDidChangeVisibleTextEditors((editors) => editors.forEach((editor) => this.decorate(editor))),
    ];
  }

  dispose(): void {
    this.pausing.forEach((timer) => clearTimeout(timer));
    vscode.Disposable.from(...this.subscriptions).dispose();
  }

  private take(update: GenerationUpdate): void {
    const document = vscode.workspace.textDocuments.find((each) => each.uri.toString() === update.uri);
    const known = this.places.get(update.id);
    if (!isRunning(update)) {
      this.places.delete(update.id);
      this.show(update.uri);
    } else if (update.range && document && known?.uri !== update.uri) {
      // Later the range is our own: it moves with each change, and the server's is older than what came since.
      const range = toRange(update.range);
      // The first word of a generation comes before its first edit.
      const old = known?.old ?? document.getText(range);
      this.places.set(update.id, { uri: update.uri, old, start: document.offsetAt(range.start), end: document.offsetAt(range.end) });
      this.show(update.uri);
    }
  }

  /**
   * Follow a change of the text.
   *
   * Where nothing is replaced, the editor itself sees to it that the colour grows. A range that is set while text is on
   * its way has become too short when it gets there: it is set as a change arrives, before the next edit is sent, and
   * by a timer only where no more changes come.
   */
  private move({ document, contentChanges }: vscode.TextDocumentChangeEvent): void {
    const uri = document.uri.toString();
    const moving = [...this.places].filter(([, place]) => place.uri === uri);
    for (const [id, place] of moving) {
      const region = contentChanges.reduce<Region>(movedBy, place);
      this.places.set(id, { ...place, ...region });
    }
    if (moving.some(([, { old }]) => old !== '')) {
      this.show(uri);
    } else if (moving.length > 0 && Date.now() - (this.shownAt.get(uri) ?? 0) > PAUSE_MS) {
      this.show(uri);
    } else if (moving.length > 0) {
      this.showSoon(uri);
    }
  }

  private showSoon(uri: string): void {
    if (!this.pausing.has(uri)) {
      this.pausing.set(uri, setTimeout(() => this.show(uri), 2 * PAUSE_MS));
    }
  }

  private show(uri: string): void {
    clearTimeout(this.pausing.get(uri));
    this.pausing.delete(uri);
    this.shownAt.set(uri, Date.now());
    vscode.window.visibleTextEditors
      .filter((editor) => editor.document.uri.toString() === uri)
      .forEach((editor) => this.decorate(editor));
  }

  private decorate(editor: vscode.TextEditor): void {
    const { document } = editor;
    const places = [...this.places.values()].filter(({ uri }) => uri === document.uri.toString());
    const shown = places.map((place) => shownOf(document, place));
    editor.setDecorations(this.growing, shown.map(({ growing }) => growing));
    const replacing = shown.filter(({ old }) => old !== '');
    if (replacing.length > 0 || this.replacing.has(editor)) {
      editor.setDecorations(this.aboutToGo, replacing.map(({ left }) => left));
      editor.setDecorations(this.gone, replacing.flatMap((each) => ghosts(document, each)));
    }
    this.replacing[replacing.length > 0 ? 'add' : 'delete'](editor);
  }
}

interface Place extends Region {
  uri: string;
  /** What stood there before. */
  old: string;
}

interface Shown {
  growing: vscode.Range;
  /** What of the old text is to go still. */
  left: vscode.Range;
  old: string;
  gone: string;
}

function shownOf(document: vscode.TextDocument, { start, end, old }: Place): Shown {
  const [first, last] = [document.positionAt(start), document.positionAt(end)];
  const left = leftOf(old, document.getText(new vscode.Range(first, last)));
  const border = document.positionAt(end - left);
  // A whole line is coloured also where nothing but its beginning belongs to the code.
  const isNextLines = left > 0 && border.character === 0 && border.line > first.line;
  return {
    growing: new vscode.Range(first, isNextLines ? document.lineAt(border.line - 1).range.end : border),
    left: new vscode.Range(border, last),
    old,
    gone: old.slice(0, old.length - left),
  };
}

/** What was replaced, line by line beside the code that takes its place, and all of it where the pointer rests. */
function ghosts(document: vscode.TextDocument, { growing: { start, end }, old, gone }: Shown): vscode.DecorationOptions[] {
  const hoverMessage = new vscode.MarkdownString('Replaces:\n').appendCodeblock(old, document.languageId);
  const lines = end.line - start.line + (end.character > 0 ? 1 : 0);
  return besides(gone, Math.max(lines, 1)).map((contentText, index) => ({
    range: document.lineAt(start.line + index).range,
    hoverMessage,
    renderOptions: { after: { contentText } },
  }));
}

function toRange({ start, end }: NonNullable<GenerationUpdate['range']>): vscode.Range {
  return new vscode.Range(start.line, start.character, end.line, end.character);
}
