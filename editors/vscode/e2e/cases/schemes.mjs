// Documents that are on no disk.

import assert from 'node:assert/strict';

import { lines } from '../texts.mjs';

async function generatesInMemory(editor) {
  await editor.file('ready.py', '', 1, 1);
  await editor.generate('[name=ready] [lines=1]');
  await editor.shows('ready_1 = 1');
  await editor.command('Memory Files: Open');
  await editor.shows('before = 1');
  await editor.focus();
  await editor.generate('[name=memory] [lines=6]');
  await editor.shows('memory_6 = 6');
  await editor.idle();
  assert.equal((await editor.text()).trimEnd(), `before = 1\n${lines('memory', 6)}after = 2`);
  await editor.undo();
  assert.equal((await editor.text()).trimEnd(), 'before = 1\n\nafter = 2');
}

export const cases = [{ name: 'generates in a file system in memory', body: generatesInMemory }];
