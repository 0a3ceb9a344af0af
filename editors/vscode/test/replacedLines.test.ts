import assert from 'node:assert/strict';
import { test } from 'node:test';

import { besides, isStillThere } from '../src/replacedLines';

test('each growing line has the old one beside it, the last one tells of those that are left', () => {
  const old = '  one\ntwo\r\nthree\n';
  assert.deepEqual(besides(old, 1), ['one … 2 more lines']);
  assert.deepEqual(besides(old, 2), ['one', 'two … 1 more line']);
  assert.deepEqual(besides(old, 3), ['one', 'two', 'three']);
  assert.deepEqual(besides(old, 9), ['one', 'two', 'three']);
});

test('where nothing is replaced, nothing stands beside', () => {
  assert.deepEqual(besides('', 3), []);
  assert.deepEqual(besides(' \n', 3), []);
  assert.ok(!isStillThere('', ''));
  assert.ok(isStillThere('a', 'a'));
});
