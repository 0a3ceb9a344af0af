/** Gets embedded models by the server's own command line. */

import { failureOf } from './failure';
import type { BaseCommand } from './interpreters';
import { runProcess } from './processes';
import type { RunOptions } from './processes';

export const DEFAULT_MODEL = 'smollm2';

/** The models that the server knows; `model list` says the same. */
export const MODELS = [
  { label: DEFAULT_MODEL, description: '98 MB', detail: 'Tiny and quick, for trying things out' },
  { label: 'qwen2.5-coder-0.5b', description: '491 MB', detail: 'Writes small functions well' },
] as const;

/** Install the default model, unless one is on this machine. */
export async function installModelWhereNoneIs(command: BaseCommand, options: RunOptions): Promise<void> {
  const { lines } = await run(command, ['list'], options);
  if (!lines.some((line) => line.trimStart().startsWith('installed:'))) {
    await installModel(command, DEFAULT_MODEL, options);
  }
}

/** Install a model by the name that `model list` shows; rejects with an `InstallationError`. */
export async function installModel(command: BaseCommand, name: string, options: RunOptions): Promise<void> {
  const { code, lines } = await run(command, ['install', name], options);
  if (code !== 0) {
    throw failureOf(lines, `model install ${name}`);
  }
}

function run([executable, ...args]: BaseCommand, words: readonly string[], options: RunOptions): ReturnType<typeof runProcess> {
  options.onLine?.(`$ ${[executable, ...args, 'model', ...words].join(' ')}`);
  return runProcess(executable, [...args, 'model', ...words], options);
}
