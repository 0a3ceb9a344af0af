/** The status bar item: the server's state, how many generations run and how fast, or an error; a click leads to the code or the log. */

import * as vscode from 'vscode';

import type { ServerState } from '../server/serverControl';
import type { Generations } from './generations';
import { Command, NAME } from '../names';
import type { GenerationUpdate } from '../wire';

/** What the item says of a server, beside its own name, and what a screen reader and the tooltip say. */
const SERVER: Record<ServerState, { icon: string; short: string; told: string }> = {
  idle: { icon: 'sparkle', short: '', told: 'ready; the server starts when it is first needed' },
  running: { icon: 'sparkle', short: '', told: 'ready' },
  starting: { icon: 'loading~spin', short: 'starting', told: 'the server is starting' },
  restarting: { icon: 'warning', short: 'restarting', told: 'the server ended and is started again in a moment' },
  missing: { icon: 'cloud-download', short: 'not installed', told: 'the server is not installed' },
  stopped: { icon: 'error', short: 'stopped', told: 'the server does not run' },
};

export class Status implements vscode.Disposable {
  private readonly item = vscode.window.createStatusBarItem('streamingCodeGenerator', vscode.StatusBarAlignment.Right, 90);
  private server: ServerState = 'idle';
  private serverMessage = '';
  private lastError = '';
  private lastSummary = '';
  private usage: readonly string[] = [];
  private readonly subscription: vscode.Disposable;

  constructor(private readonly generations: Generations) {
    this.item.name = NAME;
    this.subscription = generations.onDidUpdate((update) => this.take(update));
    this.show();
    this.item.show();
  }

  setServer(state: ServerState, message: string): void {
    this.server = state;
    this.serverMessage = message;
    this.lastError = '';
    this.show();
  }

  /** What the session and the day came to, a line each. */
  setUsage(lines: readonly string[]): void {
    this.usage = lines;
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
    const { text, told } = running.length > 0 ? generating(running) : this.atRest();
    this.item.text = text;
    const [command, leads] = running.length > 0 ? [Command.goToCode, 'to the code'] : [Command.showLog, 'to the log'];
    this.item.command = command;
    this.item.tooltip = [`${NAME}: ${told}`, ...this.usage, `A click leads ${leads}.`].join('\n');
    this.item.accessibilityInformation = { label: `${NAME}: ${told}. Leads ${leads}.`, role: 'button' };
    const isBroken = running.length === 0 && (this.server === 'stopped' || this.lastError !== '');
    this.item.backgroundColor = isBroken ? new vscode.ThemeColor('statusBarItem.errorBackground') : undefined;
  }

  private atRest(): Shown {
    const { icon, short, told } = SERVER[this.server];
    if (short) {
      return { text: `$(${icon}) Generator: ${short}`, told: this.serverMessage || told };
    }
    return this.lastError
      ? { text: '$(error) Generator: failed', told: this.lastError }
      : { text: `$(${icon}) Generator`, told: this.lastSummary || told };
  }
}

interface Shown {
  text: string;
  /** The same in words. */
  told: string;
}

function generating(running: readonly GenerationUpdate[]): Shown {
  const rate = running.reduce((sum, each) => sum + each.tokensPerSecond, 0);
  return {
    text: `$(loading~spin) Generating ${running.length}, ${rate.toFixed(0)} tokens/s`,
    told: running.map(described).join('\n'),
  };
}

function described({ uri, range, state, tokens, elapsedSeconds }: GenerationUpdate): string {
  const file = vscode.workspace.asRelativePath(vscode.Uri.parse(uri));
  const line = range ? `, line ${range.end.line + 1}` : '';
  return `${file}${line}: ${state}, ${tokens} tokens in ${elapsedSeconds.toFixed(1)} s`;
}
