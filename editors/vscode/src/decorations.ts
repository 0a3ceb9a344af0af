/** Marks the code that is growing. */

import * as vscode from 'vscode';

import { isRunning } from './generations';
import type { Generations } from './generations';
import type { GenerationUpdate } from './wire';

export class GrowingCode implements vscode.Disposable {
  private readonly type = vscode.window.createTextEditorDecorationType({
    backgroundColor: new vscode.ThemeColor('streamingCodeGenerator.growingBackground'),
    isWholeLine: true,
    overviewRulerColor: new vscode.ThemeColor('streamingCodeGenerator.growingOverviewRuler'),
    overviewRulerLane: vscode.OverviewRulerLane.Left,
    rangeBehavior: vscode.DecorationRangeBehavior.ClosedClosed,
  });
  private readonly subscriptions: vscode.Disposable[];

  constructor(private readonly generations: Generations) {
    this.subscriptions = [
      this.type,
      generations.onDidUpdate((update) => this.show(update.uri)),
      vscode.window.onDidChangeVisibleTextEditors((editors) => editors.forEach((editor) => this.decorate(editor))),
    ];
  }

  dispose(): void {
    vscode.Disposable.from(...this.subscriptions).dispose();
  }

  private show(uri: string): void {
    vscode.window.visibleTextEditors
      .filter((editor) => editor.document.uri.toString() === uri)
      .forEach((editor) => this.decorate(editor));
  }

  private decorate(editor: vscode.TextEditor): void {
    const updates = this.generations.all(editor.document.uri.toString());
    editor.setDecorations(this.type, updates.filter(isRunning).flatMap(toRange));
  }
}

function toRange(update: GenerationUpdate): vscode.Range[] {
  if (!update.range) {
    return [];
  }
  const { start, end } = update.range;
  return [new vscode.Range(start.line, start.character, end.line, end.character)];
}
