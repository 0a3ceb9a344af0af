/** Offers the one command that installs the server. */

import * as vscode from 'vscode';

import { NAME } from './names';
import { INSTALL_ARGUMENTS } from './python';
import type { NotFound } from './python';

const INSTALL = 'Install';
const COPY = 'Copy Command';
const SETTINGS = 'Open Settings';

/** Say that no server was found and what to do about it; true once it has been installed. */
export async function offerInstallation(notFound: NotFound, log: vscode.LogOutputChannel): Promise<boolean> {
  const command = `"${notFound.python}" ${INSTALL_ARGUMENTS.join(' ')}`;
  log.warn(`No server found. Tried: ${notFound.tried.join(', ') || 'nothing'}.`);
  log.warn(`To install it: ${command} (Python 3.11 or newer)`);
  const chosen = await vscode.window.showWarningMessage(
    `${NAME} needs its language server, a Python package. To install it: ${command}`,
    INSTALL,
    COPY,
    SETTINGS,
  );
  if (chosen === COPY) {
    await vscode.env.clipboard.writeText(command);
  } else if (chosen === SETTINGS) {
    await vscode.commands.executeCommand('workbench.action.openSettings', 'streamingCodeGenerator.server');
  }
  return chosen === INSTALL && install(notFound.python);
}

async function install(python: string): Promise<boolean> {
  const execution = new vscode.ProcessExecution(python, [...INSTALL_ARGUMENTS]);
  const task = new vscode.Task({ type: 'process' }, vscode.TaskScope.Global, 'Install the server', NAME, execution);
  const running = await vscode.tasks.executeTask(task);
  return new Promise((resolve) => {
    const ended = vscode.tasks.onDidEndTaskProcess((event) => {
      if (event.execution === running) {
        ended.dispose();
        resolve(event.exitCode === 0);
      }
    });
  });
}
