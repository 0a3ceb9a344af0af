/** The palette's commands that concern the set-up: `doctor`'s answer, and the API key. */

import { execFile } from 'node:child_process';
import * as vscode from 'vscode';

import { NAME } from './names';
import { originOf } from './origin';
import { findServer, isFound, WORKING_FOLDER } from './python';
import type { BaseCommand } from './python';
import { offerInstallation } from './install';
import type { ApiKeys } from './secrets';
import { personsEndpoint, personsOwnSettings, settingsAsEnvironment } from './settings';

const DOCTOR_TIMEOUT_MS = 60_000;
const DEFAULT_KEY_VARIABLE = 'OPENAI_API_KEY';

export class SetupCommands {
  constructor(
    private readonly keys: ApiKeys,
    private readonly log: vscode.LogOutputChannel,
    private readonly restart: () => Promise<void>,
  ) {}

  readonly checkSetup = async (): Promise<void> => {
    const found = await findServer();
    if (!isFound(found)) {
      if (await offerInstallation(found, this.log)) {
        await this.restart();
      }
      return;
    }
    const checking = { location: vscode.ProgressLocation.Notification, title: `${NAME}: checking the set-up` };
    const answer = await vscode.window.withProgress(checking, async () => this.askDoctor(found.command));
    this.log.info(`Set-up of ${found.command.join(' ')}, from ${found.because}:\n${answer.text}`);
    await this.tell(answer.isHealthy);
  };

  readonly setApiKey = async (): Promise<void> => {
    const endpoint = personsEndpoint();
    const key = await vscode.window.showInputBox({
      title: `API key for ${originOf(endpoint)}`,
      prompt: 'It is kept in the secret store of this editor and sent to this endpoint only. Change `baseUrl` first for another one.',
      password: true,
      ignoreFocusOut: true,
    });
    if (key?.trim()) {
      await this.keys.store(key.trim(), endpoint);
    }
  };

  readonly clearApiKey = async (): Promise<void> => {
    await this.keys.clear();
    void vscode.window.showInformationMessage(`${NAME}: the stored API key was removed.`);
  };

  private async askDoctor(command: BaseCommand): Promise<{ text: string; isHealthy: boolean }> {
    const [executable, ...args] = command;
    const options = { timeout: DOCTOR_TIMEOUT_MS, cwd: WORKING_FOLDER, env: await this.environment() };
    return new Promise((resolve) => {
      execFile(executable, [...args, 'doctor'], options, (error, stdout, stderr) => {
        resolve({ text: stdout || stderr || (error?.message ?? ''), isHealthy: error === null });
      });
    });
  }

  /** What the server would see: the settings in force, and the key under its variable's name. */
  private async environment(): Promise<NodeJS.ProcessEnv> {
    const key = await this.keys.keyFor(personsEndpoint());
    const variable = personsOwnSettings()['apiKeyEnv'] ?? DEFAULT_KEY_VARIABLE;
    return { ...process.env, ...settingsAsEnvironment(), ...(key ? { [variable]: key } : {}) };
  }

  private async tell(isHealthy: boolean): Promise<void> {
    const chosen = isHealthy
      ? await vscode.window.showInformationMessage(`${NAME}: the set-up is fine.`, 'Show Log')
      : await vscode.window.showWarningMessage(`${NAME}: something that is needed is broken.`, 'Show Log');
    if (chosen) {
      this.log.show();
    }
  }
}
