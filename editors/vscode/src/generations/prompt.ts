/** Asks for a prompt, and remembers the last ones of this workspace. */

import * as vscode from 'vscode';

const REMEMBERED_UNDER = 'prompts';
const MOST_REMEMBERED = 20;
const CONTEXT = 'streamingCodeGenerator.isAsking';
const HISTORY: vscode.QuickInputButton = {
  iconPath: new vscode.ThemeIcon('history'),
  tooltip: 'Earlier prompts',
};

/** A box that is open, and which of the remembered prompts stands in it. */
interface OpenBox {
  box: vscode.InputBox;
  /** -1 for what was typed. */
  index: number;
  typed: string;
}

/**
 * Asks in a plain box. The keys up and down walk through the earlier prompts, as in a shell; a button lists them.
 *
 * A list under the box would be quicker, but Enter then takes what the list has in focus, and that lags behind fast
 * typing: what was typed must be what is sent.
 */
export class Prompts {
  private open: OpenBox | undefined;

  constructor(private readonly memory: vscode.Memento) {}

  /** Ask for a prompt; undefined if the user gave none. */
  async ask(title: string): Promise<string | undefined> {
    const prompt = (await this.askFrom(title, ''))?.trim();
    if (!prompt) {
      return undefined;
    }
    const others = this.remembered.filter((each) => each !== prompt);
    await this.memory.update(REMEMBERED_UNDER, [prompt, ...others].slice(0, MOST_REMEMBERED));
    return prompt;
  }

  readonly earlier = (): void => this.walk(1);
  readonly later = (): void => this.walk(-1);

  private get remembered(): readonly string[] {
    return this.memory.get<string[]>(REMEMBERED_UNDER) ?? [];
  }

  private async askFrom(title: string, value: string): Promise<string | undefined> {
    const answer = await this.showBox(title, value);
    if (!answer?.wantsList) {
      return answer?.text;
    }
    const earlier = await vscode.window.showQuickPick(this.remembered, { title: 'Earlier prompts' });
    return this.askFrom(title, earlier ?? answer.text);
  }

  private showBox(title: string, value: string): Promise<Answer | undefined> {
    const box = vscode.window.createInputBox();
    const hasHistory = this.remembered.length > 0;
    Object.assign(box, { title, value, ignoreFocusOut: true, buttons: hasHistory ? [HISTORY] : [] });
    box.placeholder = hasHistory ? 'What should the code do? (↑ for earlier prompts)' : 'What should the code do?';
    this.setOpen({ box, index: -1, typed: value });
    return new Promise((resolve) => {
      const answer = (given: Answer | undefined) => {
        resolve(given);
        this.setOpen(undefined);
        box.dispose();
      };
      box.onDidAccept(() => answer({ text: box.value, wantsList: false }));
      box.onDidTriggerButton(() => answer({ text: box.value, wantsList: true }));
      box.onDidHide(() => answer(undefined));
      box.show();
    });
  }

  private setOpen(open: OpenBox | undefined): void {
    this.open = open;
    void vscode.commands.executeCommand('setContext', CONTEXT, open !== undefined);
  }

  private walk(steps: number): void {
    const { open } = this;
    const index = open ? open.index + steps : 0;
    if (!open || index < -1 || index >= this.remembered.length) {
      return;
    }
    if (open.index === -1) {
      open.typed = open.box.value;
    }
    open.index = index;
    open.box.value = this.remembered[index] ?? open.typed;
    open.box.valueSelection = [open.box.value.length, open.box.value.length];
  }
}

interface Answer {
  text: string;
  wantsList: boolean;
}
