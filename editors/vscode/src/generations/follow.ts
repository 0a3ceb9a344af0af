/**
 * Keeps the growing end of code in view for as long as it is looked at, and leads there.
 *
 * Whoever scrolls away from the end, or sets the cursor elsewhere, is left where they are; scrolling back to the end
 * follows it again. Code grows downwards, so a view that moved up was moved by the user.
 */

import * as vscode from 'vscode';

import { isRunning } from './generations';
import type { Generations } from './generations';
import { NAME } from '../names';
import type { GenerationUpdate } from '../wire';

/** What one editor's view follows: the generation that began last. */
interface View {
  id: string;
  isFollowing: boolean;
  top: number;
  end: vscode.Position;
}

const USERS_KINDS = [vscode.TextEditorSelectionChangeKind.Keyboard, vscode.TextEditorSelectionChangeKind.Mouse];

export class FollowedCode implements vscode.Disposable {
  private readonly views = new Map<vscode.TextEditor, View>();
  private last: GenerationUpdate | undefined;
  private readonly subscriptions: vscode.Disposable[];

  constructor(private readonly generations: Generations) {
    this.subscriptions = [
      generations.onDidUpdate((update) => this.take(update)),
      vscode.window.onDidChangeTextEditorVisibleRanges(({ textEditor }) => this.scrolled(textEditor)),
      vscode.window.onDidChangeTextEditorSelection(({ textEditor, kind }) => this.selected(textEditor, kind)),
      vscode.window.onDidChangeVisibleTextEditors((editors) => this.forgetAllBut(editors)),
      vscode.workspace.onDidChangeTextDocument((event) => this.moveLast(event)),
    ];
  }

  dispose(): void {
    vscode.Disposable.from(...this.subscriptions).dispose();
  }

  /** Show the end of what grows, or the code that was generated last, without moving the cursor. */
  readonly goTo = async (): Promise<void> => {
    const running = this.generations.all().filter(({ range }) => range);
    const wanted = running.length > 1 ? await choose(running) : (running[0] ?? this.last);
    if (wanted?.range) {
      const opened = vscode.window.showTextDocument(vscode.Uri.parse(wanted.uri), { preserveFocus: false });
      const editor = await opened.then((editor) => editor, () => undefined);
      if (!editor) {
        // Gone, or another document was opened meanwhile; VS Code would show an error in front of everything.
        void vscode.window.showInformationMessage(`${NAME}: the document with the generated code did not open.`);
        return;
      }
      const shown = rangeOf(wanted.range);
      const place = isRunning(wanted) ? new vscode.Range(shown.end, shown.end) : shown;
      editor.revealRange(place, vscode.TextEditorRevealType.InCenterIfOutsideViewport);
      if (isRunning(wanted)) {
        this.views.set(editor, viewOf(editor, wanted.id, shown.end, true));
      }
    } else if (!running.length) {
      void vscode.window.showInformationMessage(`${NAME}: no code has been generated in this window.`);
    }
  };

  private take(update: GenerationUpdate): void {
    if (update.range) {
      this.last = update.state === 'forgotten' ? this.last : update;
      const range = rangeOf(update.range);
      vscode.window.visibleTextEditors
        .filter((editor) => editor.document.uri.toString() === update.uri)
        .forEach((editor) => this.grown(editor, update.id, range));
    }
    if (!isRunning(update)) {
      [...this.views].filter(([, { id }]) => id === update.id).forEach(([editor]) => this.views.delete(editor));
    }
  }

  private grown(editor: vscode.TextEditor, id: string, { start, end }: vscode.Range): void {
    const known = this.views.get(editor);
    if (known && known.id !== id && this.isOlder(id, known.id)) {
      return;
    }
    const view = known?.id === id ? known : viewOf(editor, id, end, isVisible(editor, start));
    view.end = end;
    this.views.set(editor, view);
    if (view.isFollowing && !isVisible(editor, end)) {
      // Half a view at a time: what moves with every line cannot be read.
      editor.revealRange(new vscode.Range(end, end), vscode.TextEditorRevealType.InCenter);
    }
  }

  private isOlder(id: string, than: string): boolean {
    const ids = this.generations.all().map((each) => each.id);
    return ids.indexOf(id) < ids.indexOf(than);
  }

  private scrolled(editor: vscode.TextEditor): void {
    const view = this.views.get(editor);
    const top = topOf(editor);
    if (!view || top === view.top) {
      return;
    }
    const isUp = top < view.top;
    view.top = top;
    if (isVisible(editor, view.end)) {
      view.isFollowing = true;
    } else if (isUp || view.end.line < top) {
      view.isFollowing = false;
    }
  }

  private selected(editor: vscode.TextEditor, kind: vscode.TextEditorSelectionChangeKind | undefined): void {
    const view = this.views.get(editor);
    if (view && kind !== undefined && USERS_KINDS.includes(kind) && editor.selection.active.line !== view.end.line) {
      view.isFollowing = false;
    }
  }

  private forgetAllBut(editors: readonly vscode.TextEditor[]): void {
    [...this.views.keys()].filter((editor) => !editors.includes(editor)).forEach((editor) => this.views.delete(editor));
  }

  /** Finished code moves with the lines that come and go above it; of running code the server tells. */
  private moveLast({ document, contentChanges }: vscode.TextDocumentChangeEvent): void {
    const { last } = this;
    if (!last?.range || isRunning(last) || last.uri !== document.uri.toString()) {
      return;
    }
    const { start, end } = last.range;
    const lines = contentChanges
      .filter(({ range }) => range.end.isBefore(new vscode.Position(start.line, start.character)))
      .reduce((sum, { range, text }) => sum + text.split('\n').length - 1 - (range.end.line - range.start.line), 0);
    const moved = { start: { ...start, line: start.line + lines }, end: { ...end, line: end.line + lines } };
    this.last = { ...last, range: moved };
  }
}

function viewOf(editor: vscode.TextEditor, id: string, end: vscode.Position, isFollowing: boolean): View {
  return { id, isFollowing, top: topOf(editor), end };
}

function topOf(editor: vscode.TextEditor): number {
  return editor.visibleRanges[0]?.start.line ?? 0;
}

function isVisible(editor: vscode.TextEditor, { line }: vscode.Position): boolean {
  return editor.visibleRanges.some(({ start, end }) => start.line <= line && line <= end.line);
}

function rangeOf({ start, end }: NonNullable<GenerationUpdate['range']>): vscode.Range {
  return new vscode.Range(start.line, start.character, end.line, end.character);
}

async function choose(running: readonly GenerationUpdate[]): Promise<GenerationUpdate | undefined> {
  const items = running.map((update) => ({
    label: vscode.workspace.asRelativePath(vscode.Uri.parse(update.uri)),
    description: `line ${(update.range?.start.line ?? 0) + 1}, ${update.tokens} tokens`,
    update,
  }));
  return (await vscode.window.showQuickPick(items, { title: 'Go to which generated code?' }))?.update;
}
