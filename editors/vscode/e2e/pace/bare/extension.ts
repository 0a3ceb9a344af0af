/** The language client as it comes, with one command that generates at the cursor. */

import * as vscode from 'vscode';
import { ExecuteCommandRequest, LanguageClient } from 'vscode-languageclient/node';
import type { DynamicFeature, StaticFeature } from 'vscode-languageclient/node';

/** Leaves out the server's commands: the other client in this window has registered them. */
class BareClient extends LanguageClient {
  override registerFeature(feature: StaticFeature | DynamicFeature<unknown>): void {
    const isCommands = 'registrationType' in feature && feature.registrationType.method === ExecuteCommandRequest.method;
    if (!isCommands) {
      super.registerFeature(feature);
    }
  }
}

export function activate(context: vscode.ExtensionContext): void {
  const [command = '', ...args] = vscode.workspace.getConfiguration('bareClient').get<string[]>('command', []);
  const client = new BareClient(
    'streamingCodeGenerator',
    'Bare client',
    { command, args },
    { documentSelector: [{ scheme: 'file' }] },
  );
  const started = client.start();
  context.subscriptions.push(
    client,
    vscode.commands.registerCommand('bareClient.generate', async () => {
      await started;
      const editor = vscode.window.activeTextEditor;
      const prompt = vscode.workspace.getConfiguration('bareClient').get<string>('prompt', '');
      const { line = 0, character = 0 } = editor?.selection.active ?? {};
      const argument = { textDocument: { uri: editor?.document.uri.toString() }, position: { line, character }, prompt };
      const sent = client.sendRequest(ExecuteCommandRequest.type, { command: 'streamingCodeGenerator.generate', arguments: [argument] });
      await sent;
      void vscode.window.showInformationMessage('bare client: done');
    }),
  );
}
