/** The extension's own settings, and what it passes on of the server's. */

import * as vscode from 'vscode';

import type { ApiKeys } from './secrets';
import { SECTION } from './wire';

/** Settings that decide where code and keys go or what is executed; each has `machine` scope in package.json. */
const USER_ONLY = ['provider', 'baseUrl', 'apiKeyEnv', 'modelPath'] as const;
const CLIENTS_OWN = ['server', 'trace'];
export const DEFAULT_KEY_VARIABLE = 'OPENAI_API_KEY';
const OPENAI_BASE_URL = 'https://api.openai.com/v1';

export interface ServerSettings {
  /** The command that runs `streaming-code-generator`, or empty to find one. */
  command: readonly string[];
  /** The Python that has the package, or empty to find one. */
  python: string;
}

export function serverSettings(): ServerSettings {
  const settings = vscode.workspace.getConfiguration(SECTION);
  return {
    command: withoutServe(settings.get<string[]>('server.command') ?? []),
    python: settings.get<string>('server.python')?.trim() ?? '',
  };
}

/** `serve` is added where the server is started; whoever wrote it in the settings meant the same. */
function withoutServe(command: readonly string[]): readonly string[] {
  const end = command.findIndex((word, index) => index > 0 && word === 'serve');
  return end === -1 ? command : command.slice(0, end);
}

/** What the user's own settings say about endpoints, without anything a workspace might say. */
export function userSettings(): Record<string, string> {
  const settings = vscode.workspace.getConfiguration(SECTION);
  const entries = USER_ONLY.map((name) => [name, settings.inspect<string | null>(name)?.globalValue ?? ''] as const);
  return Object.fromEntries(entries.filter(([, value]) => value !== ''));
}

/** The endpoint that the user's own settings or environment name, looked for as the server does. */
export function userEndpoint(): string {
  const { STREAMING_CODE_GENERATOR_BASE_URL: own, OPENAI_BASE_URL: sdks } = process.env;
  return userSettings()['baseUrl'] || own?.trim() || sdks?.trim() || OPENAI_BASE_URL;
}

/** Whether nothing names a model, in settings, environment or stored key: generations then need the embedded one. */
export async function needsEmbeddedModel(keys: ApiKeys): Promise<boolean> {
  const { provider, baseUrl, apiKeyEnv, modelPath } = userSettings();
  if (provider === 'openai' || modelPath) {
    return false;
  }
  const { STREAMING_CODE_GENERATOR_BASE_URL: own, OPENAI_BASE_URL: sdks } = process.env;
  const key = process.env[apiKeyEnv ?? DEFAULT_KEY_VARIABLE] || (await keys.keyFor(userEndpoint()));
  const command = vscode.workspace.getConfiguration(SECTION).inspect<string[]>('apiKeyCommand')?.globalValue ?? [];
  return provider === 'embedded' || !(baseUrl || own || sdks || key || command.length > 0);
}

export async function openServerSettings(): Promise<void> {
  await vscode.commands.executeCommand('workbench.action.openSettings', `${SECTION}.server`);
}

/** Whether a change concerns what a server is told only when it starts. */
export function needsRestart(event: vscode.ConfigurationChangeEvent): boolean {
  return [...USER_ONLY, 'server'].some((name) => event.affectsConfiguration(`${SECTION}.${name}`));
}

/** The answer to the server's question for its settings, without those that are the extension's. */
export function withoutClientsOwn(answer: unknown): unknown {
  if (typeof answer !== 'object' || answer === null || Array.isArray(answer)) {
    return answer;
  }
  return Object.fromEntries(Object.entries(answer).filter(([name]) => !CLIENTS_OWN.includes(name)));
}

/** The settings in force as environment variables, for a command of the server's that no editor speaks to. */
export function settingsAsEnvironment(): Record<string, string> {
  const settings: unknown = withoutClientsOwn(vscode.workspace.getConfiguration().get(SECTION));
  const set = Object.entries(settings ?? {}).filter(([, value]) => value !== null && value !== '');
  return Object.fromEntries(set.map(([name, value]) => [variable(name), inEnvironment(name, value)]));
}

/** As the server reads it there: texts as they are, names of profiles with commas between them, the rest as JSON. */
function inEnvironment(name: string, value: unknown): string {
  return typeof value === 'string' || name === 'fallbacks' ? String(value) : JSON.stringify(value);
}

function variable(name: string): string {
  return `STREAMING_CODE_GENERATOR_${name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;
}
