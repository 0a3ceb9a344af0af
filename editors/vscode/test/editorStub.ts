/** Stands in for the editor where a module needs it only to be loaded; keeps the errors that are shown. */

import Module from 'node:module';

export const shownErrors: string[] = [];

/** What the classes of the language client extend. */
class Base {
  readonly isStub = true;
}

const window = { showErrorMessage: (message: string) => Promise.resolve(void shownErrors.push(message)) };
const used: Record<string, unknown> = { window, version: '1.91.0' };
const editor = new Proxy(used, { get: (own, name) => own[String(name)] ?? Base });

interface Loader {
  _load: (request: string, ...rest: unknown[]) => unknown;
}

const loader = Module as unknown as Loader;
const load = loader._load.bind(loader);
loader._load = (request, ...rest) => (request === 'vscode' ? editor : load(request, ...rest));
