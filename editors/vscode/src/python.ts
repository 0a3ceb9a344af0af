/** Finds a command that runs `streaming-code-generator`. */

import { execFile } from 'node:child_process';
import { homedir } from 'node:os';
import { promisify } from 'node:util';
import * as vscode from 'vscode';

import { serverSettings } from './settings';

const PACKAGE = 'streaming-code-generator';
const MODULE = 'streaming_code_generator';
const PROBE_TIMEOUT_MS = 15_000;
const PYTHON_EXTENSION = 'ms-python.python';
const run = promisify(execFile);

/** A command without its subcommand: `[python, -P, -m, streaming_code_generator]`. */
export type BaseCommand = readonly [executable: string, ...args: string[]];

export interface Found {
  command: BaseCommand;
  /** Who named it, for the log. */
  because: string;
}

export interface NotFound {
  /** The interpreter into which the package should be installed. */
  python: string;
  tried: readonly string[];
}

/** Something that may run the server: an interpreter that has the package, or the package's own script. */
interface Candidate {
  executable: string;
  isScript?: true;
  because: string;
}

/** Processes start in the home folder: a file of the workspace must never be taken for a module. */
export const WORKING_FOLDER = homedir();

export async function findServer(): Promise<Found | NotFound> {
  const { command, python } = serverSettings();
  const [executable, ...args] = command;
  if (executable !== undefined) {
    return { command: [executable, ...args], because: 'the setting `server.command`' };
  }
  const candidates = python
    ? [{ executable: python, because: 'the setting `server.python`' }]
    : [...(await fromPythonExtension()), ...onPath()];
  for (const candidate of candidates) {
    const found = await probe(candidate);
    if (found) {
      return found;
    }
  }
  return {
    python: candidates.find((candidate) => !('isScript' in candidate))?.executable ?? 'python3',
    tried: candidates.map(({ executable: tried, because }) => `${tried} (${because})`),
  };
}

export function isFound(result: Found | NotFound): result is Found {
  return 'command' in result;
}

/** The arguments of the interpreter that install the package with its embedded model. */
export const INSTALL_ARGUMENTS = ['-m', 'pip', 'install', `${PACKAGE}[embedded]`] as const;

function onPath(): Candidate[] {
  const names = process.platform === 'win32' ? ['python', 'py'] : ['python3', 'python'];
  const because = 'the PATH';
  return [{ executable: PACKAGE, isScript: true, because }, ...names.map((executable) => ({ executable, because }))];
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

async function probe({ executable, isScript, because }: Candidate): Promise<Found | undefined> {
  // -P: no module is taken from the working folder.
  const check = isScript ? ['--version'] : ['-P', '-c', `import ${MODULE}`];
  try {
    await run(executable, check, { timeout: PROBE_TIMEOUT_MS, cwd: WORKING_FOLDER });
  } catch {
    return undefined;
  }
  return { command: isScript ? [executable] : [executable, '-P', '-m', MODULE], because };
}

/** The little that is used of the Python extension's interface. */
interface PythonApi {
  environments: {
    getActiveEnvironmentPath(resource?: vscode.Uri): unknown;
    resolveEnvironment(path: unknown): Promise<{ executable: { uri?: vscode.Uri } } | undefined>;
  };
}
