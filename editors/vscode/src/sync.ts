/** Tells the server what became of a document while changes to it were held back. */

import type * as vscode from 'vscode';
import { DidChangeTextDocumentNotification } from 'vscode-languageclient/node';

import type { ServerControl } from './client';
import { difference, placeAt } from './text';

/** Report the document's version, and what differs from the text the server knows, if anything does. */
export async function reportChange(server: ServerControl, document: vscode.TextDocument, before: string): Promise<void> {
  const change = difference(before, document.getText());
  const contentChanges = change
    ? [{ range: { start: placeAt(before, change.start), end: placeAt(before, change.end) }, text: change.text }]
    : [];
  await server.runningClient()?.sendNotification(DidChangeTextDocumentNotification.type, {
    textDocument: { uri: document.uri.toString(), version: document.version },
    contentChanges,
  });
}
