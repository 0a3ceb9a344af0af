/** Runs a program to its end, telling each line that it writes. */

import { spawn } from 'node:child_process';
import { homedir } from 'node:os';
import { createInterface } from 'node:readline';

/** Processes start in the home folder: a file of the workspace must never be taken for a module. */
export const WORKING_FOLDER = homedir();

export interface Ended {
  /** 0 if it did what it was asked to; null if it was ended by a signal. */
  code: number | null;
  /** What it wrote to both its outputs. */
  lines: readonly string[];
}

export interface RunOptions {
  onLine?: (line: string) => void;
  signal?: AbortSignal;
  timeoutMs?: number;
  env?: NodeJS.ProcessEnv;
}

/** Run a program; rejects if it cannot be started, or if the signal ends it. */
export async function runProcess(
  executable: string,
  args: readonly string[],
  { onLine, signal, timeoutMs, env = process.env }: RunOptions = {},
): Promise<Ended> {
  const child = spawn(executable, args, {
    cwd: WORKING_FOLDER,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(signal ? { signal } : {}),
    ...(timeoutMs === undefined ? {} : { timeout: timeoutMs }),
  });
  const lines: string[] = [];
  for (const input of [child.stdout, child.stderr]) {
    createInterface({ input }).on('line', (line) => {
      lines.push(line);
      onLine?.(line);
    });
  }
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, lines }));
  });
}
