/**
 * Which documents the server is told of: all that can be edited, on whatever file system.
 *
 * The language client is asked for every scheme, since nobody knows which ones there will be; what only shows text,
 * such as an output channel (with the server's own log) or a version out of git, is left out here.
 */

import * as vscode from 'vscode';
import type { Middleware } from 'vscode-languageclient/node';

export const EVERY_SCHEME = [{ scheme: '*' }];

export function isEditable({ uri }: vscode.TextDocument): boolean {
  return ['file', 'untitled'].includes(uri.scheme) || vscode.workspace.fs.isWritableFileSystem(uri.scheme) === true;
}

type Filtered = Pick<Middleware, 'didOpen' | 'didClose' | 'provideCodeLenses' | 'provideCodeActions'>;

export class EditableDocuments {
  private readonly told = new Set<vscode.TextDocument>();

  /** Whether the server has been told of a document: whether it can be edited may change while it is open. */
  has(document: vscode.TextDocument): boolean {
    return this.told.has(document);
  }

  readonly middleware: Filtered = {
    didOpen: async (document, next) => {
      if (isEditable(document)) {
        this.told.add(document);
        await next(document);
      }
    },
    didClose: async (document, next) => {
      if (this.told.delete(document)) {
        await next(document);
      }
    },
    provideCodeLenses: (document, token, next) => (this.has(document) ? next(document, token) : undefined),
    provideCodeActions: (document, range, context, token, next) =>
      this.has(document) ? next(document, range, context, token) : undefined,
  };
}
