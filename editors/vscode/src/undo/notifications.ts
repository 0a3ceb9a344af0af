/** Tells the server what became of a document while changes to it were held back. */

import * as vscode from 'vscode';
import { DidChangeTextDocumentNotification } from 'vscode-languageclient/node';
import type { LanguageClient } from 'vscode-languageclient/node';

import type { ServerControl } from '../server/serverControl';
import { difference, placeAt } from '../text';
import { didUndo } from '../wire';

/** Report that it was undone or redone, the document's version, and what differs from the text the server knows, if anything does. */
export async function reportChange(
  server: ServerControl,
  document: vscode.TextDocument,
  before: string,
  reason: vscode.TextDocumentChangeReason,
): Promise<void> {
  const change = difference(before, document.getText());
  const contentChanges = change
    ? [{ range: { start: placeAt(before, change.start), end: placeAt(before, change.end) }, text: change.text }]
    : [];
  const told = change && tellOfUndo(server.runningClient(), document, reason);
  await server.runningClient()?.sendNotification(DidChangeTextDocumentNotification.type, {
    textDocument: { uri: document.uri.toString(), version: document.version },
    contentChanges,
  });
  await told;
}

/** Tell the server that the change which leads to the document's version is an undo or a redo. */
export async function tellOfUndo(
  client: LanguageClient | undefined,
  document: vscode.TextDocument,
  reason: vscode.TextDocumentChangeReason,
): Promise<void> {
  const kind = reason === vscode.TextDocumentChangeReason.Undo ? 'undo' : 'redo';
  await client?.sendNotification(didUndo, { textDocument: { uri: document.uri.toString(), version: document.version }, kind });
}
