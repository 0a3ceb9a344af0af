/** Ghost text, which the language client shows by itself: turning it on and off, and when it comes. */

import * as vscode from 'vscode';
import { ExecuteCommandRequest } from 'vscode-languageclient/node';

import { EVERY_SCHEME, isEditable } from './documents/editableDocuments';
import { Command, NAME } from './names';
import type { ServerControl } from './server/serverControl';
import { SECTION, ServerCommand } from './wire';
import type { InlineCompletion, ServerStatus } from './wire';

const SETTING = 'inlineCompletion';

const TEXTS: Record<InlineCompletion, { text: string; detail: string }> = {
  off: { text: 'Ghost text: off', detail: '' },
  invoked: { text: 'Ghost text: when asked for', detail: 'by Trigger Inline Suggestion' },
  automatic: { text: 'Ghost text: while you type', detail: '' },
};

export class GhostText implements vscode.Disposable {
  private readonly item = vscode.languages.createLanguageStatusItem('streamingCodeGenerator.ghostText', EVERY_SCHEME);
  /** What the server makes of the settings; undefined while none runs. */
  private when: InlineCompletion | undefined;
  private firstEdit: vscode.Disposable;

  constructor(private readonly control: ServerControl) {
    this.item.name = `${NAME}: Ghost Text`;
    this.firstEdit = vscode.workspace.onDidChangeTextDocument(({ document }) => this.edited(document));
    this.show();
  }

  dispose(): void {
    this.firstEdit.dispose();
    this.item.dispose();
  }

  /** Ask the server what its settings come to; while it reads them, its answer waits. */
  async refresh(): Promise<void> {
    const client = this.control.runningClient();
    const asked = client?.sendRequest(ExecuteCommandRequest.type, { command: ServerCommand.status });
    // A server that ends meanwhile is heard of otherwise.
    const status = (await asked?.catch(() => undefined)) as ServerStatus | undefined;
    if (client && client === this.control.runningClient()) {
      this.when = status?.completions.when;
      this.show();
    }
  }

  serverEnded(): void {
    this.when = undefined;
    this.show();
  }

  readonly toggle = async (): Promise<void> => {
    const next: InlineCompletion = this.isOn ? 'off' : 'automatic';
    await vscode.workspace.getConfiguration(SECTION).update(SETTING, next, vscode.ConfigurationTarget.Global);
    if (next === 'automatic') {
      await this.control.prepare();
    }
    this.show();
  };

  /** The user who has asked for ghost text in the settings gets it from the first key on. */
  private edited(document: vscode.TextDocument): void {
    if (this.setting === 'automatic' && isEditable(document)) {
      this.firstEdit.dispose();
      if (this.control.isUnused) {
        void this.control.prepare();
      }
    }
  }

  private get setting(): InlineCompletion | null | undefined {
    return vscode.workspace.getConfiguration(SECTION).get<InlineCompletion | null>(SETTING);
  }

  private get isOn(): boolean {
    return (this.when ?? this.setting ?? 'off') !== 'off';
  }

  private show(): void {
    const shown = this.when && TEXTS[this.when];
    this.item.text = shown?.text ?? 'Ghost text: the server is not started';
    this.item.detail = shown?.detail ?? '';
    this.item.command = { command: Command.toggleGhostText, title: this.isOn ? 'Turn Off' : 'Turn On' };
  }
}
