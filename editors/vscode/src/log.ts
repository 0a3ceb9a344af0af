/** The extension's output channel, and one that keeps keys out of it. */

import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import * as vscode from 'vscode';

import { NAME } from './names';

export function createLog(): vscode.LogOutputChannel {
  return vscode.window.createOutputChannel(NAME, { log: true });
}

type Writes = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'append' | 'appendLine';
const WRITES: readonly string[] = ['trace', 'debug', 'info', 'warn', 'error', 'append', 'appendLine'] satisfies Writes[];

/** Return the channel with a secret blotted out of whatever is written to it: a trace shows whole messages. */
export function withoutSecret(channel: vscode.LogOutputChannel, secret: string | undefined): vscode.LogOutputChannel {
  if (!secret) {
    return channel;
  }
  const blotted = (value: unknown) => (typeof value === 'string' ? value.replaceAll(secret, '•••') : value);
  return new Proxy(channel, {
    get(target, property) {
      const member: unknown = Reflect.get(target, property, target);
      if (typeof member !== 'function') {
        return member;
      }
      return (...args: unknown[]): unknown =>
        Reflect.apply(member, target, WRITES.includes(String(property)) ? args.map(blotted) : args);
    },
  });
}

/** A line of the server's own log: `2026-01-31 12:00:00,123 WARNING streaming_code_generator.lsp: …`. */
const SERVER_LINE = /^[\d-]+ [\d:,]+ (?<level>[A-Z]+) (?<text>.*)$/;

/** Write the server's standard error to the channel, each line at its own level and a traceback at its record's. */
export function pipeServerLog(input: Readable, channel: vscode.LogOutputChannel): void {
  let write = (line: string) => channel.warn(line);
  createInterface({ input }).on('line', (line) => {
    const { level, text } = SERVER_LINE.exec(line)?.groups ?? {};
    if (level) {
      write = writer(channel, level);
    }
    write(text ?? line);
  });
}

/** What the server says at INFO is for those who look for a fault; what is for everybody it says over the wire. */
function writer(channel: vscode.LogOutputChannel, level: string): (line: string) => void {
  const isSerious = level === 'ERROR' || level === 'CRITICAL';
  return (line) => (isSerious ? channel.error(line) : level === 'WARNING' ? channel.warn(line) : channel.debug(line));
}

/** Show an error as one sentence with a way to the log, and what else may help. */
export async function showError(message: string, log: vscode.LogOutputChannel, help?: { title: string; command: string }): Promise<void> {
  const chosen = await vscode.window.showErrorMessage(message, ...(help ? [help.title] : []), 'Show Log');
  if (chosen === 'Show Log') {
    log.show();
  } else if (chosen && help) {
    await vscode.commands.executeCommand(help.command);
  }
}
