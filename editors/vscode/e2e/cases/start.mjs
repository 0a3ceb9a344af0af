// What leads a new user: the walkthrough, the prompt box, the settings.

import assert from 'node:assert/strict';

import { until } from '../editor.mjs';

const CATEGORY = 'Streaming Code Generator';

async function walksThroughTheStart(editor) {
  await editor.command('Welcome: Open Walkthrough...');
  const box = editor.page.locator('.quick-input-widget:visible input.input');
  await box.fill('Get Started with Streaming Code Generator');
  await editor.page.locator('.quick-input-list .monaco-list-row', { hasText: 'Streaming Code Generator' }).first().click();
  const page = editor.page.locator('.gettingStartedContainer');
  await until('the steps', async () => /Install the server[^]*Choose a model[^]*Generate[^]*Keep it/.test(await page.innerText()));
  await page.getByRole('button', { name: 'Install Server' }).waitFor();
  await editor.keyboard.press('Control+F4');
}

async function walksThroughEarlierPrompts(editor) {
  await editor.file('history.py', '', 1, 1);
  for (const name of ['older', 'newer']) {
    await editor.generate(`[name=${name}] [lines=1]`);
    await editor.shows(`${name}_1 = 1`);
    await editor.idle();
  }
  await editor.command(`${CATEGORY}: Generate…`);
  const box = await editor.promptBox();
  const holds = (text) => until(`${text} in the box`, async () => (await box.inputValue()) === text, 5_000);
  await box.fill('typed');
  await editor.keyboard.press('ArrowUp');
  await holds('[name=newer] [lines=1]');
  await editor.keyboard.press('ArrowUp');
  await holds('[name=older] [lines=1]');
  await editor.keyboard.press('ArrowDown');
  await editor.keyboard.press('ArrowDown');
  await holds('typed');
  await editor.keyboard.press('ArrowUp');
  await holds('[name=newer] [lines=1]');
  await editor.keyboard.type(' [name=changed]');
  await holds('[name=newer] [lines=1] [name=changed]');
  await editor.keyboard.press('Enter');
  await until('it generated', async () => (await editor.text()).split('newer_1').length === 3);
}

async function namesTheDefaultInTheSettings(editor) {
  await editor.command('Preferences: Open Settings (UI)');
  await editor.page.locator('.settings-editor .monaco-editor').first().click();
  await editor.keyboard.type('streamingCodeGenerator.edits');
  const choice = editor.page.locator('.settings-editor select').first();
  await choice.waitFor();
  await until('the choices', async () => (await choice.innerText()).includes('once'));
  const shown = await choice.evaluate((select) => [select.selectedOptions[0].textContent, select.textContent]);
  assert.match(shown[0], /^Default \(live\)/);
  assert.doesNotMatch(shown[1], /null/);
  await editor.keyboard.press('Control+F4');
}

async function offersTheModelThatIsMissing(editor) {
  await editor.file('model.py', '', 1, 1);
  await editor.generate('a number');
  const text = await editor.notification('its weights are not on this machine', 60_000);
  assert.match(text, /Install Embedded Model…/);
  await editor.page.locator('.notification-toast').getByRole('button', { name: 'Install Embedded Model…' }).click();
  const list = editor.page.locator('.quick-input-widget:visible');
  await until('the models', async () => /smollm2[^]*qwen2\.5-coder-0\.5b/.test(await list.innerText()));
  await editor.keyboard.press('Escape');
}

export const cases = [
  { name: 'a walkthrough leads to the first code', body: walksThroughTheStart },
  { name: 'up and down walk through earlier prompts', body: walksThroughEarlierPrompts },
  { name: 'the settings name the default', body: namesTheDefaultInTheSettings },
];

export const sessions = [
  {
    name: 'no-model',
    window: 'troubles',
    cases: [{ name: 'a model that is missing can be installed', body: offersTheModelThatIsMissing }],
    override: {
      'streamingCodeGenerator.provider': 'embedded',
      'streamingCodeGenerator.embeddedModel': 'qwen2.5-coder-0.5b',
    },
  },
];
