// Selections that code replaces, and the keys pressed meanwhile.

import assert from 'node:assert/strict';

import { lines } from '../texts.mjs';

const TEXT = 'keep = 0\nold = 1\nolder = 2\nkeep = 3\n';

async function replaceSelection(editor, name, marks) {
  await editor.file(`${name}.py`, TEXT, 2, 1);
  await editor.keyboard.press('Shift+ArrowDown');
  await editor.keyboard.press('Shift+ArrowDown');
  await editor.generate(`[name=${name}] [lines=12] ${marks}`);
  await editor.seen('the generation', () => globalThis.shownStatus().startsWith('Generating'), null, 5_000);
}

/** The code is there and the old text is not, wherever the key has left its character. */
async function assertReplaced(editor, name) {
  await editor.idle();
  await editor.shows(`${name}_12 = 12`);
  const text = await editor.saved(`${name}.py`);
  assert.match(text, /X/, 'the key was lost');
  assert.equal(text.replace('X', ''), `keep = 0\n${lines(name, 12)}keep = 3\n`);
}

async function keyBeforeTheFirstChunk(editor) {
  await replaceSelection(editor, 'early', '[late]');
  await editor.keyboard.type('X');
  await assertReplaced(editor, 'early');
}

async function keyWhileStreaming(editor) {
  await replaceSelection(editor, 'midway', '');
  await editor.shows('midway_3 = 3');
  await editor.keyboard.type('X');
  await assertReplaced(editor, 'midway');
}

async function keyAfterTheEnd(editor) {
  await replaceSelection(editor, 'after', '[fast]');
  await editor.shows('after_12 = 12');
  await editor.idle();
  await editor.keyboard.type('X');
  await assertReplaced(editor, 'after');
}

export const cases = [
  { name: 'a replaced selection: a key before any code arrives', body: keyBeforeTheFirstChunk },
  { name: 'a replaced selection: a key while code arrives', body: keyWhileStreaming },
  { name: 'a replaced selection: a key after the end', body: keyAfterTheEnd },
];
