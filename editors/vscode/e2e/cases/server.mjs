// When the server runs, and what is told of it.

import assert from 'node:assert/strict';

import { until } from '../editor.mjs';
import { serverProcesses } from './setup.mjs';

const spoken = (editor) => editor.page.locator('.statusbar-item[id*="streamingCodeGenerator"] [aria-label]').first().getAttribute('aria-label');

/** Open the menu of code actions, and wait for one; a window that has just opened may close it again. */
async function offers(editor, action) {
  await until('the code action', async () => {
    await editor.command('Quick Fix...');
    return action.waitFor({ timeout: 4_000 }).then(() => true, () => false);
  }, 20_000);
}

async function startsWhenFirstNeeded(editor, { server }) {
  await editor.file('first.py', '# [name=first] [lines=2]\n', 2, 1);
  const action = editor.page.locator('.action-widget .monaco-list-row.action', { hasText: 'Generate from comment' });
  await offers(editor, action);
  assert.deepEqual(serverProcesses(server), []);
  assert.match(await spoken(editor), /ready; the server starts when it is first needed/);
  await editor.keyboard.press('Enter');
  await editor.shows('first_2 = 2');
  await editor.idle();
  assert.equal(serverProcesses(server).length, 1);
  assert.match(await spoken(editor), /Generated \d+ tokens/);
  await editor.cursor(1, 3);
  await offers(editor, action);
  assert.equal(await action.count(), 1, "the server's action and the extension's stand beside each other");
  await editor.keyboard.press('Escape');
}

async function generatesWhileTheServerWaitsToRestart(editor, { server }) {
  await editor.file('waits.py', '# above\n\n', 2, 1);
  await editor.generate('[name=waits] [lines=1]');
  await editor.shows('waits_1 = 1');
  await editor.idle();
  await editor.file('after.py', 'a = 1\n\nb = 2\n', 2, 1);
  const [pid] = serverProcesses(server);
  process.kill(pid, 'SIGKILL');
  await editor.hasStatus('Generator: restarting');
  assert.match(await spoken(editor), /the server ended unexpectedly and is restarted in \d s/);
  await editor.keyboard.press('Control+K');
  await editor.keyboard.press('g');
  await editor.promptBox();
  await editor.answer('[name=after] [lines=3]');
  await editor.shows('after_3 = 3');
  await editor.idle();
  assert.equal(await editor.saved('after.py'), 'a = 1\nafter_1 = 1\nafter_2 = 2\nafter_3 = 3\nb = 2\n');
  assert.equal((await editor.status()).trim(), 'Generator');
}

async function generatesWhereItWasAskedForThoughTheServerComesLater(editor, { server }) {
  await editor.file('moves.txt', 'top\n\nbottom\n', 2, 1);
  await editor.generate('[name=moves] [lines=1]');
  await editor.shows('moves_1 = 1');
  await editor.idle();
  await editor.file('moved.txt', 'top\n\nbottom\n', 2, 1);
  const [pid] = serverProcesses(server);
  process.kill(pid, 'SIGKILL');
  await editor.hasStatus('Generator: restarting');
  await editor.keyboard.press('Control+K');
  await editor.keyboard.press('g');
  await editor.promptBox();
  await editor.answer('[name=moved] [lines=2]');
  await editor.focus();
  assert.match(await editor.status(), /restarting|starting/, 'the server was quicker than the typing');
  await editor.keyboard.press('Control+Home');
  await editor.keyboard.type('above');
  await editor.keyboard.press('Enter');
  await editor.shows('moved_2 = 2', 40_000);
  await editor.idle();
  assert.equal(await editor.saved('moved.txt'), 'above\ntop\nmoved_1 = 1\nmoved_2 = 2\nbottom\n');
}

async function saysThatItIsStopped(editor) {
  await editor.file('stopped.py', '', 1, 1);
  await editor.generate('[name=stopped] [lines=1]');
  await editor.notification('the server does not run', 40_000);
  await editor.hasStatus('Generator: stopped', 5_000);
  assert.match(await spoken(editor), /no-such-program/);
}

export const sessions = [
  {
    name: 'lazy',
    window: 'troubles',
    cases: [
      { name: 'the server starts when it is first needed', body: startsWhenFirstNeeded },
      { name: 'generates while the server waits to restart', body: generatesWhileTheServerWaitsToRestart },
      { name: 'the place is kept until the server runs', body: generatesWhereItWasAskedForThoughTheServerComesLater },
    ],
  },
  {
    name: 'broken',
    window: 'troubles',
    cases: [{ name: 'a server that cannot be started is said to be stopped', body: saysThatItIsStopped }],
    override: { 'streamingCodeGenerator.server.command': ['/no-such-program'] },
  },
];
