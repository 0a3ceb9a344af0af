/** What a Python interpreter is good for: its version, and whether it has the server's package. */

import { runProcess } from './processes';

export const MODULE = 'streaming_code_generator';
export const OLDEST_PYTHON = [3, 11] as const;
const PROBE_TIMEOUT_MS = 15_000;

/** A command without its subcommand: `[python, -P, -m, streaming_code_generator]`. */
export type BaseCommand = readonly [executable: string, ...args: string[]];

/** -P: no module is taken from the working folder. */
export function runBy(interpreter: string): BaseCommand {
  return [interpreter, '-P', '-m', MODULE];
}

/** Runs in any Python 3, and takes no module from the folder it starts in. */
const PROBE = `
import sys
sys.path[:] = [path for path in sys.path if path]
import importlib.util
print("python", *sys.version_info[:3], importlib.util.find_spec("${MODULE}") is not None)
`;

export interface Interpreter {
  version: readonly number[];
  hasPackage: boolean;
}

/** Ask an interpreter what it is; what hinders it is returned as a sentence's end: `cannot be started (ENOENT)`. */
export async function probeInterpreter(executable: string): Promise<Interpreter | string> {
  try {
    const { code, lines } = await runProcess(executable, ['-c', PROBE], { timeoutMs: PROBE_TIMEOUT_MS });
    const answer = lines.find((line) => line.startsWith('python '));
    return answer === undefined ? `is no Python that works (${lines.at(-1) ?? `exit code ${code}`})` : interpreter(answer);
  } catch (error) {
    return `cannot be started (${reasonOf(error)})`;
  }
}

function interpreter(answer: string): Interpreter {
  const [, ...words] = answer.split(' ');
  return { version: words.slice(0, 3).map(Number), hasPackage: words.at(-1) === 'True' };
}

/** Why an interpreter cannot run the server, or undefined if it can. */
export function shortcoming(found: Interpreter | string): string | undefined {
  if (typeof found === 'string') {
    return found;
  }
  return tooOld(found) ?? (found.hasPackage ? undefined : `does not have the package \`${MODULE}\``);
}

/** Why no environment can be made from an interpreter, or undefined if one can. */
export function tooOld({ version }: Interpreter): string | undefined {
  const [major = 0, minor = 0] = version;
  const [oldestMajor, oldestMinor] = OLDEST_PYTHON;
  const isNewEnough = major > oldestMajor || (major === oldestMajor && minor >= oldestMinor);
  return isNewEnough ? undefined : `is Python ${version.join('.')}, and ${OLDEST_PYTHON.join('.')} or newer is needed`;
}

export function reasonOf(error: unknown): string {
  if (error instanceof Error) {
    return 'code' in error && typeof error.code === 'string' ? error.code : error.message;
  }
  return String(error);
}
