/** What was asked of models in this session and today, and what it cost: in the status bar's tooltip, and by a command. */

import * as vscode from 'vscode';

import type { ServerControl } from '../server/serverControl';
import { isRunning } from './generations';
import type { Generations } from './generations';
import { NAME } from '../names';
import type { Status } from './status';
import { ServerCommand } from '../wire';
import type { ServerStatus } from '../wire';

export class Usage implements vscode.Disposable {
  private readonly subscription: vscode.Disposable;

  constructor(
    private readonly control: ServerControl,
    generations: Generations,
    private readonly status: Status,
  ) {
    this.subscription = generations.onDidUpdate((update) => {
      if (!isRunning(update) && update.state !== 'forgotten' && control.runningClient()) {
        // A server that ends meanwhile is heard of otherwise.
        this.lines().then((lines) => this.status.setUsage(lines), () => undefined);
      }
    });
  }

  readonly show = async (): Promise<void> => {
    const lines = await this.lines().catch((error: unknown) => [error instanceof Error ? error.message : String(error)]);
    void vscode.window.showInformationMessage(`${NAME}: ${lines.join('. ')}.`);
  };

  dispose(): void {
    this.subscription.dispose();
  }

  private async lines(): Promise<string[]> {
    const { usage } = (await this.control.execute(ServerCommand.status, {})) as ServerStatus;
    const today = usage.today?.summary ?? 'not known, the ledger cannot be read';
    return [`Session: ${usage.session.summary}`, `Today: ${today}`];
  }
}
