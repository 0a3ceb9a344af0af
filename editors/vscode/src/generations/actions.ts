/**
 * Code actions until the server runs: they start it. Once it runs, it offers its own.
 *
 * A server must not be started to find out whether there is something to offer: the editor asks for actions at every
 * move of the cursor. What looks like a comment is therefore told by its first characters.
 */

import * as vscode from 'vscode';

import { EVERY_SCHEME, isEditable } from '../documents/editableDocuments';
import { looksLikeComment } from './comments';
import { Command } from '../names';

const KIND = vscode.CodeActionKind.RefactorRewrite;

export function registerActions(isServerRunning: () => boolean): vscode.Disposable {
  const provideCodeActions = (document: vscode.TextDocument, range: vscode.Range): vscode.CodeAction[] =>
    isServerRunning() || !isEditable(document) ? [] : titlesFor(document, range).map(toAction);
  return vscode.languages.registerCodeActionsProvider(EVERY_SCHEME, { provideCodeActions }, { providedCodeActionKinds: [KIND] });
}

function titlesFor(document: vscode.TextDocument, range: vscode.Range): string[] {
  if (!range.isEmpty) {
    return ['Generate from selection'];
  }
  const lines = (first: number) => (first < 0 ? '' : document.lineAt(first).text);
  return looksLikeComment(lines, range.start.line) ? ['Generate from comment'] : [];
}

function toAction(title: string): vscode.CodeAction {
  const action = new vscode.CodeAction(title, KIND);
  action.command = { title, command: Command.generateFromComment };
  return action;
}
