/** The status bar item: idle, how many generations run and how fast, or an error; a click shows the log. */

import * as vscode from 'vscode';

import type { Generations } from './generations';
import { Command, NAME } from './names';
import type { GenerationUpdate } from './wire';

export type ServerState = 'starting' | 'running' | 'stopped';

export class Status implements vscode.Disposable {
  private readonly item = vscode.window.createStatusBarItem('streamingCodeGenerator', vscode.StatusBarAlignment.Right, 90);
  private server: ServerState = 'starting';
  private lastError = '';
  private lastSummary = '';
  private readonly subscription: vscode.Disposable;

  constructor(private readonly generations: Generations) {
    this.item.name = NAME;
    this.item.command = Command.showLog;
    this.subscription = generations.onDidUpdate((update) => this.take(update));
    this.show();
    this.item.show();
  }

  setServer(state: ServerState, error = ''): void {
    this.server = state;
    this.lastError = error;
    this.show();
  }

  dispose(): void {
    this.subscription.dispose();
    this.item.dispose();
  }

  private take(update: GenerationUpdate): void {
    if (update.state === 'completed' || update.state === 'cancelled') {
      this.lastSummary = update.message;
    }
    if (update.state !== 'forgotten') {
      this.lastError = update.state === 'error' ? update.message : '';
    }
    this.show();
  }

  private show(): void {
    const running = this.generations.all();
    const isBroken = this.server === 'stopped' || this.lastError !== '';
    this.item.text = this.text(running, isBroken);
    this.item.tooltip = `${NAME}: ${this.tooltip(running)}\nClick to show the log.`;
    this.item.backgroundColor =
      isBroken && running.length === 0 ? new vscode.ThemeColor('statusBarItem.errorBackground') : undefined;
  }

  private text(running: readonly GenerationUpdate[], isBroken: boolean): string {
    if (running.length > 0) {
      const rate = running.reduce((sum, each) => sum + each.tokensPerSecond, 0);
      return `$(loading~spin) Generating ${running.length}, ${rate.toFixed(0)} tokens/s`;
    }
    if (isBroken) {
      return '$(error) Generator';
    }
    return this.server === 'starting' ? '$(loading~spin) Generator' : '$(sparkle) Generator';
  }

  private tooltip(running: readonly GenerationUpdate[]): string {
    if (running.length > 0) {
      return running.map((each) => `${each.state}, ${each.tokens} tokens in ${each.elapsedSeconds.toFixed(1)} s`).join('\n');
    }
    const idle = this.server === 'running' ? 'ready' : `the server is ${this.server}`;
    return this.lastError || this.lastSummary || idle;
  }
}
