/**
 * Which documents the server is told of: all that can be edited, on whatever file system.
 *
 * The language client is asked for every scheme, since which ones there will be is not known; what only shows text,
 * such as an output channel (with the server's own log) or a version out of git, is left out here.
 *
 * Where a change of the text and one of the language come at once, the language client (11.0) would send the close and
 * the open before the change, which the text of the open already has: the server would take it twice. They wait for it.
 */

import * as vscode from 'vscode';
import type { Middleware } from 'vscode-languageclient/node';

export const EVERY_SCHEME = [{ scheme: '*' }];

export function isEditable({ uri }: vscode.TextDocument): boolean {
  return ['file', 'untitled'].includes(uri.scheme) || vscode.workspace.fs.isWritableFileSystem(uri.scheme) === true;
}

type Filtered = Pick<Middleware, 'didOpen' | 'didClose' | 'provideCodeLenses' | 'provideCodeActions'>;

type DidOpenOrClose = (document: vscode.TextDocument) => Promise<void>;
type DidChange = (event: vscode.TextDocumentChangeEvent) => Promise<void>;

export class EditableDocuments {
  private readonly told = new Set<vscode.TextDocument>();
  /** The last change of each document, for as long as it is not on the wire. */
  private readonly changes = new Map<vscode.TextDocument, Promise<void>>();

  /** Whether the server has been told of a document: whether it can be edited may change while it is open. */
  has(document: vscode.TextDocument): boolean {
    return this.told.has(document);
  }

  async sendChange(event: vscode.TextDocumentChangeEvent, next: DidChange): Promise<void> {
    const { document } = event;
    const sent = next(event).finally(() => this.changes.get(document) === sent && this.changes.delete(document));
    this.changes.set(document, sent);
    await sent;
  }

  /** What waits for nothing is sent at once: requests follow it. */
  private async afterChange(document: vscode.TextDocument, next: DidOpenOrClose): Promise<void> {
    const change = this.changes.get(document);
    if (change) {
      await change.catch(() => undefined);
    }
    await next(document);
  }

  readonly middleware: Filtered = {
    didOpen: async (document, next) => {
      if (isEditable(document)) {
        this.told.add(document);
        await this.afterChange(document, next);
      }
    },
    didClose: async (document, next) => {
      if (this.told.delete(document)) {
        await this.afterChange(document, next);
      }
    },
    provideCodeLenses: (document, token, next) => (this.has(document) ? next(document, token) : undefined),
    provideCodeActions: (document, range, context, token, next) =>
      this.has(document) ? next(document, range, context, token) : undefined,
  };
}
