/** The extension's own Python environment, with the server that came with this version of the extension. */

import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';

import { failureOf, InstallationError } from './failure';
import { reasonOf, runBy } from './interpreters';
import type { BaseCommand } from './interpreters';
import { runProcess } from './processes';
import type { RunOptions } from './processes';

const PACKAGE = 'streaming-code-generator';
const UV_ANYWHERE = '>=3.11';
const LOCK_POLL_MS = 300;
/** A lock that is older was left behind by a window that ended. */
const STALE_LOCK_MS = 15 * 60_000;

export type EnvironmentState = 'missing' | 'outdated' | 'ready';

/** What environments can be made with: uv, and an interpreter that is new enough; at least one of them. */
export interface Tools {
  uv?: string;
  python?: string;
}

export interface Installing extends RunOptions {
  /** Told what is being done, in a few words. */
  onStage: (stage: string) => void;
}

export class OwnEnvironment {
  private readonly folder: string;
  private readonly stamp: string;

  /** The wheel is the one that the extension carries; undefined when it was run without having been packaged. */
  constructor(
    private readonly storage: string,
    private readonly wheel: string | undefined,
  ) {
    this.folder = path.join(storage, 'server');
    this.stamp = path.join(this.folder, 'installed.json');
  }

  get canBeInstalled(): boolean {
    return this.wheel !== undefined;
  }

  get interpreter(): string {
    const inside = process.platform === 'win32' ? ['Scripts', 'python.exe'] : ['bin', 'python'];
    return path.join(this.folder, ...inside);
  }

  get command(): BaseCommand {
    return runBy(this.interpreter);
  }

  /** Outdated means that it holds another server than this version of the extension carries; it may still run. */
  get state(): EnvironmentState {
    // An interpreter that was taken away leaves a link that leads nowhere.
    if (!existsSync(this.stamp) || !existsSync(this.interpreter)) {
      return 'missing';
    }
    return this.wheel === undefined || installedHash(this.stamp) === hashOf(this.wheel) ? 'ready' : 'outdated';
  }

  /** Make the environment, or bring it up to date; rejects with an `InstallationError`. */
  async install(tools: Tools, installing: Installing): Promise<void> {
    const { wheel } = this;
    if (wheel === undefined) {
      throw new InstallationError('this copy of the extension carries no server', 'Build it with `npm run package`.');
    }
    await mkdir(this.storage, { recursive: true });
    await this.locked(installing.signal, async () => {
      const before = this.state;
      await this.byEveryMeans(tools, installing, wheel, before);
      await writeFile(this.stamp, JSON.stringify({ wheel: path.basename(wheel), sha256: hashOf(wheel) }));
    });
  }

  async remove(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }

  /** uv is quicker, but may not know the package index that pip is set up for. */
  private async byEveryMeans(tools: Tools, installing: Installing, wheel: string, before: EnvironmentState): Promise<void> {
    const ways = [...(tools.uv ? [uvsWay(tools.uv, tools.python)] : []), ...(tools.python ? [venvsWay(tools.python)] : [])];
    let failure: unknown = new InstallationError('there is neither Python 3.11 nor uv', 'Install one of them.');
    for (const way of ways) {
      try {
        if (before === 'missing') {
          await this.remove();
          installing.onStage(`making an environment with ${way.name}`);
          await must(way.create(this.folder), installing);
        }
        installing.onStage('installing the server and its packages');
        for (const command of way.install(this.interpreter, wheel)) {
          await must(command, installing);
        }
        return;
      } catch (error) {
        installing.signal?.throwIfAborted();
        installing.onLine?.(`${way.name} failed: ${reasonOf(error)}`);
        failure = error;
      }
    }
    throw failure;
  }

  /** One window at a time: two installers in one environment would spoil it. */
  private async locked(signal: AbortSignal | undefined, task: () => Promise<void>): Promise<void> {
    const lock = path.join(this.storage, 'installing');
    while (!(await taken(lock))) {
      await sleep(LOCK_POLL_MS, undefined, signal ? { signal } : {});
    }
    try {
      await task();
    } finally {
      await rm(lock, { recursive: true, force: true });
    }
  }
}

/** The wheel that was packaged with the extension. */
export function packagedWheel(extensionFolder: string): string | undefined {
  const folder = path.join(extensionFolder, 'out', 'server');
  const names = existsSync(folder) ? readdirSync(folder) : [];
  const wheel = names.find((name) => name.endsWith('.whl'));
  return wheel && path.join(folder, wheel);
}

type Command = readonly [executable: string, ...args: string[]];

interface Way {
  name: string;
  create(folder: string): Command;
  install(interpreter: string, wheel: string): readonly Command[];
}

function uvsWay(uv: string, python: string | undefined): Way {
  // --seed: `model install` needs an installer that is still found when uv is not.
  const creating = ['venv', '--quiet', '--no-project', '--seed', '--python', python ?? UV_ANYWHERE];
  const installing = ['pip', 'install', '--reinstall-package', PACKAGE, '--python'];
  return {
    name: 'uv',
    create: (folder) => [uv, ...creating, folder],
    install: (interpreter, wheel) => [[uv, ...installing, interpreter, withExtra(wheel)]],
  };
}

function venvsWay(python: string): Way {
  // Isolated: the working directory may hold a `pip` or `venv` of its own. Not compiled, as with uv: most of it is
  // never imported, and the rest is compiled at the first start.
  const pip = ['-I', '-m', 'pip', 'install', '--disable-pip-version-check', '--no-input', '--no-compile', '--progress-bar', 'off'];
  return {
    name: 'venv and pip',
    create: (folder) => [python, '-I', '-m', 'venv', folder],
    // pip takes a wheel of the version that is installed for the same: the second call puts it there.
    install: (interpreter, wheel) => [
      [interpreter, ...pip, withExtra(wheel)],
      [interpreter, ...pip, '--no-deps', '--force-reinstall', wheel],
    ],
  };
}

function withExtra(wheel: string): string {
  return `${PACKAGE}[embedded] @ ${pathToFileURL(wheel).href}`;
}

async function must([executable, ...args]: Command, installing: Installing): Promise<void> {
  installing.onLine?.(`$ ${[executable, ...args].join(' ')}`);
  const ended = await runProcess(executable, args, installing);
  if (ended.code !== 0) {
    throw failureOf(ended.lines, executable);
  }
}

async function taken(lock: string): Promise<boolean> {
  try {
    await mkdir(lock);
    return true;
  } catch (error) {
    if (reasonOf(error) !== 'EEXIST') {
      throw error;
    }
  }
  const since = await stat(lock).then(({ mtimeMs }) => mtimeMs, () => Date.now());
  if (Date.now() - since > STALE_LOCK_MS) {
    await rm(lock, { recursive: true, force: true });
  }
  return false;
}

function hashOf(file: string): string {
  return createHash('sha256').update(readFileSync(file)).digest('hex');
}

function installedHash(stamp: string): unknown {
  try {
    const installed: unknown = JSON.parse(readFileSync(stamp, 'utf8'));
    return typeof installed === 'object' && installed !== null && 'sha256' in installed ? installed.sha256 : undefined;
  } catch {
    return undefined;
  }
}
