// A file that gets another name, or another language, while code streams into it.

import assert from 'node:assert/strict';

import { until } from '../editor.mjs';
import { lines } from '../texts.mjs';

const TEXT = 'before = 1\n\nafter = 2\n';

async function goesOnUnderTheNewName(editor, { model }) {
  await editor.file('old_name.py', TEXT, 2, 1);
  await editor.generate('[name=renamed] [lines=40] [slow] [held]');
  await editor.shows('renamed_2 = 2');
  await editor.command('File: Reveal Active File in Explorer View');
  await editor.page.waitForSelector('.explorer-folders-view .monaco-list.element-focused .monaco-list-row.focused[aria-label^="old_name.py"]');
  await editor.keyboard.press('F2');
  const box = editor.page.locator('.explorer-item-edited input');
  await box.waitFor({ timeout: 10_000 });
  await box.fill('new_name.py');
  await editor.keyboard.press('Enter');
  await editor.page.waitForSelector('.tab.active[data-resource-name="new_name.py"]');
  assert.ok(!(await editor.isIdle()), 'it ended before the file was renamed');
  model.release();
  await editor.idle(60_000);
  assert.equal(await editor.saved('new_name.py'), `before = 1\n${lines('renamed', 40)}after = 2\n`);
}

/** Each change of the language is a close and an open for the server; whether they meet a change is chance. */
async function goesOnInOtherLanguages(editor, { model }) {
  await editor.file('language.py', TEXT, 2, 1);
  await editor.generate('[name=language] [lines=150] [held]');
  await editor.shows('language_1 = 1');
  for (const language of ['Plain Text', 'Python', 'Plain Text']) {
    await editor.focus();
    await editor.keyboard.press('Control+K');
    await editor.keyboard.press('m'); // Change Language Mode
    const input = editor.page.locator('.quick-input-widget:visible input.input');
    await input.fill(language);
    const row = editor.page.locator('.quick-input-list .monaco-list-row').first();
    await until('the language', async () => (await row.getAttribute('aria-label'))?.startsWith(language));
    await editor.keyboard.press('Enter');
    await editor.page.locator('.statusbar-item', { hasText: language }).waitFor({ timeout: 10_000 });
  }
  assert.ok(!(await editor.isIdle()), 'it ended before the language was changed');
  model.release();
  await editor.idle(60_000);
  assert.equal(await editor.saved('language.py'), `before = 1\n${lines('language', 150)}after = 2\n`);
}

export const cases = [
  { name: 'a renamed file gets the rest of its code', body: goesOnUnderTheNewName },
  { name: 'a file whose language is changed gets the rest of its code', body: goesOnInOtherLanguages },
];
