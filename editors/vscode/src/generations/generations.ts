/** What the server has said of its generations. */

import * as vscode from 'vscode';

import { normalised } from '../documents/trackedDocuments';
import type { GenerationUpdate } from '../wire';

/** Growth is shown so often at most: what shows it goes through the process that also makes the edits. */
const PAUSE_MS = 150;

export class Generations implements vscode.Disposable {
  private readonly running = new Map<string, GenerationUpdate>();
  private isContextSet = false;
  /** Updates that tell of nothing but growth, and wait for their turn. */
  private readonly pausing = new Map<string, GenerationUpdate>();
  private pause: NodeJS.Timeout | undefined;
  private readonly received = new vscode.EventEmitter<GenerationUpdate>();
  /** Fires with each update at once, while its range still counts in the document as it is. */
  readonly onDidReceive = this.received.event;
  private readonly updated = new vscode.EventEmitter<GenerationUpdate>();
  readonly onDidUpdate = this.updated.event;

  /** Whether nothing has been said of this generation before. */
  isNew(update: GenerationUpdate): boolean {
    return isRunning(update) && !this.running.has(update.id);
  }

  take(update: GenerationUpdate): void {
    const taken = { ...update, uri: normalised(update.uri) };
    const before = this.running.get(taken.id);
    if (isRunning(taken)) {
      this.running.set(taken.id, taken);
    } else {
      this.running.delete(taken.id);
    }
    this.showContext(this.running.size > 0);
    this.received.fire(taken);
    if (isRunning(taken) && taken.state === before?.state && taken.uri === before.uri) {
      this.pausing.set(taken.id, taken);
      this.pause ??= setTimeout(() => this.firePausing(), PAUSE_MS);
    } else {
      this.pausing.delete(taken.id);
      this.updated.fire(taken);
    }
  }

  private firePausing(): void {
    const updates = [...this.pausing.values()];
    this.pausing.clear();
    this.pause = undefined;
    updates.forEach((update) => this.updated.fire(update));
  }

  private showContext(isRunning: boolean): void {
    if (isRunning !== this.isContextSet) {
      this.isContextSet = isRunning;
      void vscode.commands.executeCommand('setContext', 'streamingCodeGenerator.isRunning', isRunning);
    }
  }

  /** All that run or wait, or those of one document. */
  all(uri?: string): readonly GenerationUpdate[] {
    const running = [...this.running.values()];
    return uri === undefined ? running : running.filter((each) => each.uri === normalised(uri));
  }

  /** Take it that all have ended, because the server has. */
  endAll(): void {
    for (const update of this.all()) {
      this.take({ ...update, state: 'cancelled', range: null, message: 'The server ended.' });
    }
  }

  dispose(): void {
    clearTimeout(this.pause);
    this.received.dispose();
    this.updated.dispose();
  }
}

export function isRunning(update: GenerationUpdate): boolean {
  return update.state === 'queued' || update.state === 'running';
}
