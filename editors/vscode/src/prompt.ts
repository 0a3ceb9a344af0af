/** Asks for a prompt, and remembers the last ones of this workspace. */

import * as vscode from 'vscode';

const REMEMBERED_UNDER = 'prompts';
const MOST_REMEMBERED = 20;
const HISTORY: vscode.QuickInputButton = {
  iconPath: new vscode.ThemeIcon('history'),
  tooltip: 'Earlier prompts',
};

/** Ask for a prompt; undefined if the person gave none. */
export async function askForPrompt(memory: vscode.Memento, title: string): Promise<string | undefined> {
  const prompts = memory.get<string[]>(REMEMBERED_UNDER) ?? [];
  const prompt = (await ask(prompts, title, ''))?.trim();
  if (!prompt) {
    return undefined;
  }
  const others = prompts.filter((each) => each !== prompt);
  await memory.update(REMEMBERED_UNDER, [prompt, ...others].slice(0, MOST_REMEMBERED));
  return prompt;
}

/**
 * Ask in a plain box, with a button that offers the earlier prompts and puts the chosen one into the box.
 *
 * A list under the box would be quicker, but Enter then takes what the list has in focus, and that lags behind fast
 * typing: what was typed must be what is sent.
 */
async function ask(prompts: readonly string[], title: string, value: string): Promise<string | undefined> {
  const answer = await showBox(title, value, prompts.length > 0);
  if (!answer?.wantsHistory) {
    return answer?.text;
  }
  const earlier = await vscode.window.showQuickPick(prompts, { title: 'Earlier prompts' });
  return ask(prompts, title, earlier ?? answer.text);
}

interface Answer {
  text: string;
  wantsHistory: boolean;
}

function showBox(title: string, value: string, hasHistory: boolean): Promise<Answer | undefined> {
  const box = vscode.window.createInputBox();
  Object.assign(box, { title, value, ignoreFocusOut: true, buttons: hasHistory ? [HISTORY] : [] });
  box.placeholder = 'What should the code do?';
  return new Promise((resolve) => {
    const answer = (given: Answer | undefined) => {
      resolve(given);
      box.dispose();
    };
    box.onDidAccept(() => answer({ text: box.value, wantsHistory: false }));
    box.onDidTriggerButton(() => answer({ text: box.value, wantsHistory: true }));
    box.onDidHide(() => answer(undefined));
    box.show();
  });
}
