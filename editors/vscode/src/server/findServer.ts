/**
 * Finds a command that runs `streaming-code-generator`.
 *
 * Looked for in this order: what the settings name, and nothing else if they name something; the environment that
 * "Install" has made, whose server is of the same version as the extension; the Python extension's interpreter; the PATH.
 */

import { homedir } from 'node:os';
import path from 'node:path';
import * as vscode from 'vscode';

import type { OwnEnvironment, Tools } from './environment';
import { OLDEST_PYTHON, probeInterpreter, runBy, shortcoming, tooOld } from './interpreters';
import type { BaseCommand } from './interpreters';
import { runProcess } from './processes';
import { serverSettings } from '../settings';

const PACKAGE = 'streaming-code-generator';
const PROBE_TIMEOUT_MS = 15_000;
const PYTHON_EXTENSION = 'ms-python.python';
const NEWEST_MINOR = 15;

export interface Found {
  command: BaseCommand;
  /** Who named it, for the log. */
  because: string;
  /** Whether it is the server that the extension has installed. */
  isOwn?: true;
}

export interface NotFound {
  /** Set when the settings name an interpreter that will not do: nothing else is to be taken then. */
  isNamedBySetting: boolean;
  /** What was tried, and why it will not do. */
  tried: readonly string[];
}

/** An interpreter that may have the package. */
interface Candidate {
  executable: string;
  because: string;
}

export async function findServer(own: OwnEnvironment): Promise<Found | NotFound> {
  const { command, python } = serverSettings();
  const [executable, ...args] = command;
  if (executable !== undefined) {
    return { command: [executable, ...args], because: 'the setting `server.command`' };
  }
  if (python) {
    return firstOf([{ executable: python, because: 'the setting `server.python`' }], true);
  }
  if (own.state !== 'missing') {
    return { command: own.command, because: "the extension's own environment", isOwn: true };
  }
  return elsewhere();
}

async function elsewhere(): Promise<Found | NotFound> {
  const chosen = await firstOf(await fromPythonExtension(), false);
  if (isFound(chosen)) {
    return chosen;
  }
  // The package's own script, as pipx or uv install it.
  if (await isRunnable(PACKAGE)) {
    return { command: [PACKAGE], because: 'the PATH' };
  }
  const found = await firstOf(onPath(), false);
  return isFound(found) ? found : { ...found, tried: [...chosen.tried, ...found.tried] };
}

export function isFound(result: Found | NotFound): result is Found {
  return 'command' in result;
}

/** What an environment can be made with here; what was tried and will not do is told. */
export async function findTools(tell: (line: string) => void): Promise<Tools> {
  const uv = await findUv();
  for (const { executable, because } of [...(await fromPythonExtension()), ...everyVersionOnPath()]) {
    const found = await probeInterpreter(executable);
    const problem = typeof found === 'string' ? found : tooOld(found);
    if (!problem) {
      return { ...(uv ? { uv } : {}), python: executable };
    }
    tell(`${executable} (${because}) ${problem}`);
  }
  return uv ? { uv } : {};
}

async function firstOf(candidates: readonly Candidate[], isNamedBySetting: boolean): Promise<Found | NotFound> {
  const tried: string[] = [];
  for (const { executable, because } of candidates) {
    const problem = shortcoming(await probeInterpreter(executable));
    if (!problem) {
      return { command: runBy(executable), because };
    }
    tried.push(`${executable} (${because}) ${problem}`);
  }
  return { isNamedBySetting, tried };
}

function onPath(): Candidate[] {
  const names = process.platform === 'win32' ? ['python', 'py'] : ['python3', 'python'];
  return names.map((executable) => ({ executable, because: 'the PATH' }));
}

/** `python3` may be an old one where `python3.12` is there too. */
function everyVersionOnPath(): Candidate[] {
  const [major, oldest] = OLDEST_PYTHON;
  const minors = Array.from({ length: NEWEST_MINOR - oldest + 1 }, (_, index) => NEWEST_MINOR - index);
  const versioned = process.platform === 'win32' ? [] : minors.map((minor) => `python${major}.${minor}`);
  return [...onPath(), ...versioned.map((executable) => ({ executable, because: 'the PATH' }))];
}

/** An editor that was started from a desktop does not have the folder of the user's own programs on its PATH. */
async function findUv(): Promise<string | undefined> {
  const own = ['.local', '.cargo'].map((folder) => path.join(homedir(), folder, 'bin', 'uv'));
  for (const executable of ['uv', ...own]) {
    if (await isRunnable(executable)) {
      return executable;
    }
  }
  return undefined;
}

async function isRunnable(executable: string): Promise<boolean> {
  try {
    return (await runProcess(executable, ['--version'], { timeoutMs: PROBE_TIMEOUT_MS })).code === 0;
  } catch {
    return false;
  }
}

/** The interpreter chosen in the Python extension. In an untrusted workspace it may be a file of the workspace. */
async function fromPythonExtension(): Promise<Candidate[]> {
  const extension = vscode.extensions.getExtension<PythonApi>(PYTHON_EXTENSION);
  if (!extension || !vscode.workspace.isTrusted) {
    return [];
  }
  const { environments } = extension.isActive ? extension.exports : await extension.activate();
  const active = environments.getActiveEnvironmentPath(vscode.workspace.workspaceFolders?.[0]?.uri);
  const resolved = await environments.resolveEnvironment(active);
  const executable = resolved?.executable.uri?.fsPath;
  return executable ? [{ executable, because: 'the Python extension' }] : [];
}

/** The little that is used of the Python extension's interface. */
interface PythonApi {
  environments: {
    getActiveEnvironmentPath(resource?: vscode.Uri): unknown;
    resolveEnvironment(path: unknown): Promise<{ executable: { uri?: vscode.Uri } } | undefined>;
  };
}
