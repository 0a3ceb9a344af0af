/** Sees to it that the lenses above generated code are those of its last state. */

import * as vscode from 'vscode';
import { CodeLensRequest } from 'vscode-languageclient/node';
import type { LanguageClient } from 'vscode-languageclient/node';

import { isRunning } from './generations';
import type { Generations } from './generations';

/** Longer than the editor itself waits after a change before it asks for lenses. */
const AGAIN_AFTER_MS = 1_000;

/**
 * Ask for lenses again a moment after a generation has ended.
 *
 * The server asks for it at once, but that is also the moment of the last change of the text, and the editor was seen
 * to drop the one for the other: Cancel then stood above finished code.
 */
export function refreshLensesAtTheEnd(
  generations: Generations,
  client: () => LanguageClient | undefined,
): vscode.Disposable {
  const timers = new Set<NodeJS.Timeout>();
  const subscription = generations.onDidUpdate((update) => {
    if (!isRunning(update)) {
      const timer = setTimeout(() => {
        timers.delete(timer);
        refresh(client(), update.uri);
      }, AGAIN_AFTER_MS);
      timers.add(timer);
    }
  });
  return vscode.Disposable.from(subscription, { dispose: () => timers.forEach((timer) => clearTimeout(timer)) });
}

function refresh(client: LanguageClient | undefined, uri: string): void {
  const document = vscode.workspace.textDocuments.find((each) => each.uri.toString() === uri);
  const provider = document && client?.getFeature(CodeLensRequest.method).getProvider(document);
  provider?.onDidChangeCodeLensEmitter.fire();
}
