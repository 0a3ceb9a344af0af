// Tabs that are closed, and files that are saved, while code streams into them.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { until } from '../editor.mjs';
import { lines } from '../texts.mjs';

/** How often each is tried: what goes wrong here does so by chance. */
const ROUNDS = Number(process.env.SCG_CLOSINGS ?? 2);
const BUSY_MS = 60_000;

/** Keep a core busy while something runs, for a minute at most. */
async function underLoad(task) {
  const busy = spawn(process.execPath, ['-e', `const end = Date.now() + ${BUSY_MS}; while (Date.now() < end);`]);
  try {
    return await task();
  } finally {
    busy.kill();
  }
}

async function closeTab(editor, name, answer) {
  await editor.page.locator('.tab.active').hover();
  await editor.page.locator('.tab.active .tab-actions .action-label').click();
  await editor.page.getByRole('button', { name: answer, exact: true }).click();
  const tab = editor.page.locator(`.tab[data-resource-name="${name}"]`);
  return until('the tab is closed', async () => (await tab.count()) === 0, 5_000).then(() => true, () => false);
}

async function closesWithoutSaving(editor, { workspace }) {
  const vetoed = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const name = `discard${round}.py`;
    await editor.file(name, 'a = 1\n\n', 2, 1);
    await editor.generate(`[name=discard${round}] [lines=800] [fast]`);
    await editor.shows(`discard${round}_2 = 2`);
    if (!(await underLoad(() => closeTab(editor, name, "Don't Save")))) {
      vetoed.push(round);
      await editor.command('Streaming Code Generator: Cancel').catch(() => undefined);
    }
    await editor.idle(15_000);
    assert.equal(readFileSync(path.join(workspace, name), 'utf8'), 'a = 1\n\n');
  }
  assert.equal(vetoed.length, 0, `${vetoed.length} of ${ROUNDS} tabs stayed open: ${vetoed}`);
}

async function closesWithSaving(editor, { workspace }) {
  const vetoed = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const name = `keep${round}.py`;
    await editor.file(name, 'a = 1\n\n', 2, 1);
    await editor.generate(`[name=keep${round}] [lines=800] [fast]`);
    await editor.shows(`keep${round}_2 = 2`);
    if (!(await underLoad(() => closeTab(editor, name, 'Save')))) {
      vetoed.push(round);
      await editor.command('Streaming Code Generator: Cancel').catch(() => undefined);
    }
    await editor.idle(15_000);
    await editor.notification(`${name} was saved and closed while code was still arriving`);
    await editor.clearNotifications();
    const saved = readFileSync(path.join(workspace, name), 'utf8').trimEnd();
    assert.ok(`a = 1\n${lines(`keep${round}`, 800)}`.startsWith(saved), saved);
  }
  assert.equal(vetoed.length, 0, `${vetoed.length} of ${ROUNDS} tabs stayed open: ${vetoed}`);
}

async function endsWithItsTab(editor, { workspace }) {
  writeFileSync(path.join(workspace, 'kept.py'), 'a = 1\n\n');
  await editor.keep('kept.py');
  await editor.show('kept.py', [2, 1]);
  await editor.generate('[name=kept] [lines=800]');
  await editor.shows('kept_2 = 2');
  assert.ok(await closeTab(editor, 'kept.py', 'Save'));
  await editor.idle(5_000);
  await editor.notification('kept.py was saved and closed while code was still arriving');
  await editor.clearNotifications();
  assert.equal(await editor.page.locator('.tab[data-resource-name="kept.py"]').count(), 0);
  const saved = readFileSync(path.join(workspace, 'kept.py'), 'utf8').trimEnd();
  assert.ok(`a = 1\n${lines('kept', 800)}`.startsWith(saved), saved);
}

export const cases = [
  { name: 'tabs close without saving, whatever streams', body: closesWithoutSaving },
  { name: 'tabs close with saving, whatever streams', body: closesWithSaving },
  { name: 'a generation ends with its tab, though another extension has the document open', body: endsWithItsTab },
];
