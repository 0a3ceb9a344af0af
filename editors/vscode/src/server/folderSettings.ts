/**
 * In a window with several folders: generations have the settings of the folder that their document is in.
 *
 * The server asks for its settings when it is told that they have changed, and reads them before the next generation.
 * So it is told whenever the next document's folder has other settings than those it knows.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import * as vscode from 'vscode';
import { DidChangeConfigurationNotification } from 'vscode-languageclient/node';
import type { ConfigurationParams, LanguageClient } from 'vscode-languageclient/node';

import { SECTION } from '../wire';

const LONGEST_WAIT_MS = 2_000;

export class FolderSettings {
  private folder: vscode.Uri | undefined;
  private queue: Promise<unknown> = Promise.resolve();
  private readonly asked = new vscode.EventEmitter<void>();

  /** The server's question for its settings, as one for those of the folder whose turn it is. */
  scoped(params: ConfigurationParams): ConfigurationParams {
    const { folder } = this;
    return folder ? { items: params.items.map((item) => ({ scopeUri: folder.toString(), ...item })) } : params;
  }

  /** Say that the server has been given an answer. */
  answered(): void {
    this.asked.fire();
  }

  /** Send a request, once the server has the settings that hold for a document. */
  send<T>(client: LanguageClient, uri: string, request: () => Promise<T>): Promise<T> {
    const sent = this.queue.then(async () => {
      await this.tell(client, vscode.Uri.parse(uri));
      // The answer is not waited for in turn: generations run beside each other.
      return { answer: request() };
    });
    this.queue = sent.catch(() => undefined);
    return sent.then(({ answer }) => answer);
  }

  private async tell(client: LanguageClient, document: vscode.Uri): Promise<void> {
    const folder = vscode.workspace.getWorkspaceFolder(document)?.uri;
    const isOnlyOne = (vscode.workspace.workspaceFolders?.length ?? 0) < 2;
    if (isOnlyOne || settingsOf(folder) === settingsOf(this.folder)) {
      return;
    }
    this.folder = folder;
    const answer = new Promise<void>((resolve) => {
      const subscription = this.asked.event(() => {
        subscription.dispose();
        resolve();
      });
    });
    await client.sendNotification(DidChangeConfigurationNotification.type, { settings: null });
    await Promise.race([answer, sleep(LONGEST_WAIT_MS, undefined, { ref: false })]);
  }
}

function settingsOf(folder: vscode.Uri | undefined): string {
  return JSON.stringify(vscode.workspace.getConfiguration(SECTION, folder ?? null));
}
