// Ghost text on the screen.

import assert from 'node:assert/strict';

import { pictureOf, sleep, until } from '../editor.mjs';
import { serverProcesses } from './setup.mjs';

const CATEGORY = 'Streaming Code Generator';
const REST = 'sum(values, start=0)';

/** The ghost text that is seen: it is coloured as code, so it comes in several parts. */
async function ghost(editor) {
  const parts = await editor.page.locator('.view-lines .ghost-text-decoration').allTextContents();
  return parts.join('').replaceAll('\u00a0', ' ');
}

const isGhost = (editor, text) =>
  until(`the ghost text ${JSON.stringify(text)}`, async () => (await ghost(editor)) === text, 30_000);

/** Wait for what the item of the language status says. */
async function says(editor, text) {
  await until(text, async () => {
    // Items that come later move it from under the pointer.
    await editor.page.locator('.statusbar-item[id="status.languageStatus"]').hover();
    await sleep(600);
    return (await editor.page.locator('.hover-language-status').allInnerTexts()).join().includes(text);
  }, 30_000);
  await editor.page.mouse.move(300, 300);
}

async function typed(editor, name) {
  await editor.file(name, 'values = [1, 2]\n\nprint(total)\n', 2, 1);
  const isStarted = serverProcesses(editor.server).length > 0;
  await editor.keyboard.type('t'); // the window's first key starts the server
  if (!isStarted) {
    await says(editor, 'Ghost text: while you type');
  }
  await editor.keyboard.type('otal = ', { delay: 30 });
  await isGhost(editor, REST);
}

async function isShownAndTakenByTab(editor, { model }) {
  await typed(editor, 'tab.py');
  const asked = model.requests().length;
  await editor.keyboard.type('sum', { delay: 60 });
  await isGhost(editor, REST.slice(3));
  assert.equal(model.requests().length, asked, 'what is typed as suggested was asked for');
  await editor.keyboard.press('Tab');
  await until('nothing left', async () => (await ghost(editor)) === '');
  assert.equal(await editor.saved('tab.py'), `values = [1, 2]\ntotal = ${REST}\nprint(total)\n`);
}

async function isTakenByWords(editor) {
  await typed(editor, 'words.py');
  await editor.keyboard.press('Control+ArrowRight');
  await isGhost(editor, '(values, start=0)');
  await editor.keyboard.press('Control+ArrowRight');
  await isGhost(editor, 'values, start=0)');
  await editor.keyboard.press('Escape');
  await until('it goes', async () => (await ghost(editor)) === '');
  assert.match(await editor.saved('words.py'), /^total = sum\($/m);
}

async function isTurnedOff(editor, { model }) {
  await typed(editor, 'off.py');
  await editor.command(`${CATEGORY}: Turn Ghost Text On or Off`);
  await says(editor, 'Ghost text: off');
  const asked = model.requests().length;
  await editor.file('off2.py', 'values = [1, 2]\n\n', 2, 1);
  await editor.keyboard.type('total = ', { delay: 30 });
  await editor.settled();
  assert.equal(await ghost(editor), '');
  assert.equal(model.requests().length, asked, 'it was asked for nevertheless');
  await editor.command(`${CATEGORY}: Turn Ghost Text On or Off`);
  await says(editor, 'Ghost text: while you type');
  await typed(editor, 'on.py');
}

/** Makes the picture of the documentation. */
async function isPhotographed(editor) {
  const text = 'from dataclasses import dataclass\n\n\n@dataclass(frozen=True)\nclass Rectangle:\n    width: float\n    height: float\n\n\n';
  await editor.file('shapes.py', text, 9, 1);
  await editor.keyboard.type('    ');
  await says(editor, 'Ghost text: while you type');
  await editor.keyboard.type('def area(self', { delay: 30 });
  await isGhost(editor, ') -> float:');
  await editor.settled();
  await editor.shot(pictureOf('ghost'));
}

const override = { 'streamingCodeGenerator.inlineCompletion': 'automatic' };

export const sessions = [
  {
    name: 'ghost',
    window: 'usual',
    override,
    cases: [
      { name: 'ghost text is shown, typed on and taken by Tab', body: isShownAndTakenByTab },
      { name: 'ghost text is taken by words', body: isTakenByWords },
      { name: 'ghost text is turned off and on', body: isTurnedOff },
    ],
  },
  // In a workspace of its own, so that only what belongs there is in the picture.
  ...(process.env.SCG_SCREENSHOTS === '1'
    ? [{ name: 'ghost picture', override, cases: [{ name: 'a picture of ghost text', body: isPhotographed }] }]
    : []),
];
