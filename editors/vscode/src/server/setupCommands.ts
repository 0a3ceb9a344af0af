/** The palette's commands that concern the set-up: `doctor`'s answer, and the API key. */

import { execFile } from 'node:child_process';
import * as vscode from 'vscode';

import { NAME } from '../names';
import { originOf } from '../origin';
import type { OwnEnvironment } from './environment';
import type { Installer } from './installer';
import type { BaseCommand } from './interpreters';
import { WORKING_FOLDER } from './processes';
import { findServer, isFound } from './findServer';
import type { ApiKeys } from '../secrets';
import { DEFAULT_KEY_VARIABLE, userEndpoint, userSettings, settingsAsEnvironment } from '../settings';

const DOCTOR_TIMEOUT_MS = 60_000;

export class SetupCommands {
  constructor(
    private readonly own: OwnEnvironment,
    private readonly installer: Installer,
    private readonly keys: ApiKeys,
    private readonly log: vscode.LogOutputChannel,
    private readonly serverChanged: () => void,
  ) {}

  readonly checkSetup = async (): Promise<void> => {
    const found = await findServer(this.own);
    if (!isFound(found)) {
      if (await this.installer.offer(found)) {
        this.serverChanged();
      }
      return;
    }
    const checking = { location: vscode.ProgressLocation.Notification, title: `${NAME}: checking the set-up` };
    const answer = await vscode.window.withProgress(checking, async () => this.askDoctor(found.command));
    this.log.info(`Set-up of ${found.command.join(' ')}, from ${found.because}:\n${answer.text}`);
    await this.tell(answer.isHealthy);
  };

  /** Make the extension's own environment anew: for who does not want to wait to be asked, and to repair one. */
  readonly installServer = async (): Promise<void> => {
    if (!(await this.installer.installAnew())) {
      return;
    }
    this.serverChanged();
    const found = await findServer(this.own);
    const note = isFound(found) && !found.isOwn ? ` It is not used as long as ${found.because} names another.` : '';
    void vscode.window.showInformationMessage(`${NAME}: the server is installed.${note}`);
  };

  readonly installModel = async (): Promise<void> => {
    const found = await findServer(this.own);
    if (isFound(found) ? await this.installer.chooseModel(found.command) : await this.installer.offer(found)) {
      this.serverChanged();
    }
  };

  readonly setApiKey = async (): Promise<void> => {
    const endpoint = userEndpoint();
    const key = await vscode.window.showInputBox({
      title: `API key for ${originOf(endpoint)}`,
      prompt: 'It is kept in the secret store of this editor and sent to this endpoint only. Change `baseUrl` first for another one.',
      password: true,
      ignoreFocusOut: true,
    });
    if (key?.trim()) {
      await this.keys.store(key.trim(), endpoint);
      void vscode.window.showInformationMessage(`${NAME}: the API key for ${originOf(endpoint)} is stored.`);
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
    const key = await this.keys.keyFor(userEndpoint());
    const variable = userSettings()['apiKeyEnv'] ?? DEFAULT_KEY_VARIABLE;
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
