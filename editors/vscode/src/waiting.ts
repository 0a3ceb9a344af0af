/** Waits for something that usually comes at once, and shows that it is waited for when it does not. */

import { setTimeout as sleep } from 'node:timers/promises';
import * as vscode from 'vscode';

const SHOWN_AFTER_MS = 500;

/** Wait for a promise; from half a second on in a notification whose Cancel gives it up with a `CancellationError`. */
export async function waitedFor<T>(awaited: Promise<T>, title: string): Promise<T> {
  const ended = awaited.then(() => undefined, () => undefined);
  const isLate = await Promise.race([ended, sleep(SHOWN_AFTER_MS, true, { ref: false })]);
  if (!isLate) {
    return awaited;
  }
  const options = { location: vscode.ProgressLocation.Notification, title, cancellable: true };
  return vscode.window.withProgress(options, (_progress, cancelled) => {
    const givenUp = new Promise<never>((_resolve, reject) => {
      cancelled.onCancellationRequested(() => reject(new vscode.CancellationError()));
    });
    return Promise.race([awaited, givenUp]);
  });
}
