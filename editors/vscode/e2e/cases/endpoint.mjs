// What is seen and chosen of endpoints: profiles, costs, waits, the budget.

import assert from 'node:assert/strict';

import { sleep, until } from '../editor.mjs';

const CATEGORY = 'Streaming Code Generator';

const models = (model, since) => model.requests().slice(since).map((request) => request.model);

async function pick(editor, title, label) {
  await until('the list', async () => (await editor.page.locator('.quick-input-title:visible').allInnerTexts()).join().includes(title));
  await editor.page.locator('.quick-input-list .monaco-list-row', { hasText: label }).first().click();
}

async function generatesWithAProfile(editor, { model }) {
  const before = model.requests().length;
  await editor.file('profile.py', '', 1, 1);
  await editor.command(`${CATEGORY}: Generate with Profile…`);
  await pick(editor, 'Generate with which profile?', 'thorough');
  await editor.promptBox();
  await editor.answer('[name=profile] [lines=2]');
  await editor.shows('profile_2 = 2');
  await editor.idle();
  assert.deepEqual(models(model, before), ['large-model']);
  await editor.file('action.py', '# [name=action] [lines=2]\n\n', 1, 3);
  await editor.command('Quick Fix...');
  const action = editor.page.locator('.action-widget .monaco-list-row.action', { hasText: 'Generate from comment' });
  await until('two actions', async () => (await action.count()) === 2);
  await action.filter({ hasText: 'Generate from comment with a profile…' }).click();
  await pick(editor, 'Generate with which profile?', 'fast');
  await editor.shows('action_2 = 2');
  await editor.idle();
  assert.deepEqual(models(model, before), ['large-model', 'quick-model']);
}

async function countsDownToTheNextAttempt(editor) {
  await editor.file('busy.py', '', 1, 1);
  await editor.generate('[name=busy] [lines=2] [busy]');
  await editor.notification('Asking again in ');
  await editor.shows('busy_2 = 2');
  await editor.idle();
}

async function asksBeyondTheBudget(editor, { model }) {
  await editor.file('dear.py', '', 1, 1);
  for (const name of ['one', 'two']) {
    await editor.generate(`[name=${name}] [lines=1] [cost=0.9]`);
    await editor.shows(`${name}_1 = 1`);
    await editor.idle();
  }
  await editor.notification("$0.90 of $1.00 of today's budget");
  const shown = editor.page.locator('.statusbar-item[id*="streamingCodeGenerator"]');
  await until('what it cost', async () => {
    await editor.page.mouse.move(10, 300);
    await shown.hover();
    return until('it', async () => (await editor.page.locator('.monaco-hover:visible').allInnerTexts()).join().includes('$1.80'), 2_000).catch(() => false);
  });
  await editor.command(`${CATEGORY}: Show Usage`);
  const usage = await editor.notification('Session: ');
  assert.match(usage, /completion tokens, \$1\.80.*Today: .*\$1\.80/);
  await editor.clearNotifications();
  const before = model.requests().length;
  await editor.focus();
  for (const answer of ['Stop', 'Generate']) {
    await editor.generate('[name=three] [lines=1] [cost=0.9]');
    await editor.notification("Today's budget is spent: $1.80 of $1.00. Generate anyway?");
    await editor.page.locator('.notification-toast').getByRole('button', { name: answer, exact: true }).click();
    if (answer === 'Stop') {
      await editor.notification('Nothing was generated');
      assert.equal(model.requests().length, before);
      await editor.clearNotifications();
      // Of notifications that follow each other within 800 ms VS Code shows three.
      await sleep(1_000);
      await editor.focus();
    }
  }
  await editor.shows('three_1 = 1');
}

/** In a session whose profiles, a list and a budget are no mere texts for the command that checks them. */
async function checksTheSetup(editor, { server }) {
  await editor.file('doctor.py', '', 1, 1);
  await editor.command(`${CATEGORY}: Check Set-up`);
  await editor.notification('set-up is fine', 60_000);
  assert.match(server.extensionLog(), /endpoint: http:\/\/127\.0\.0\.1:\d+\/v1 answers/);
}

const settings = {
  'streamingCodeGenerator.profiles': { fast: { model: 'quick-model' }, thorough: { model: 'large-model' } },
  'streamingCodeGenerator.budgetPerDay': 1,
  'streamingCodeGenerator.fallbacks': ['fast', 'thorough'],
};

export const sessions = [
  {
    name: 'profiles',
    window: 'usual',
    override: settings,
    cases: [
      { name: 'a profile is chosen for a prompt and for a comment', body: generatesWithAProfile },
      { name: 'the notification counts down to the next attempt', body: countsDownToTheNextAttempt },
      { name: 'checks the set-up', body: checksTheSetup },
      { name: 'costs are shown, and a spent budget is asked about', body: asksBeyondTheBudget },
    ],
  },
];
