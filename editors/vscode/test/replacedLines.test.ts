import assert from 'node:assert/strict';
import { test } from 'node:test';

import { besides, leftOf, movedBy } from '../src/generations/replacedLines';

test('each growing line has the old one beside it, the last one tells of those that have none', () => {
  const gone = '  one\ntwo\r\nthree\n';
  assert.deepEqual(besides(gone, 1), ['one … 2 more lines']);
  assert.deepEqual(besides(gone, 2), ['one', 'two … 1 more line']);
  assert.deepEqual(besides(gone, 3), ['one', 'two', 'three']);
  assert.deepEqual(besides(gone, 9), ['one', 'two', 'three']);
});

test('where nothing is gone, nothing stands beside', () => {
  assert.deepEqual(besides('', 3), []);
  assert.deepEqual(besides(' \n', 3), []);
});

test('what is left of the old text is told in whole lines', () => {
  const old = 'one\ntwo\nthree\n';
  assert.equal(leftOf(old, old), old.length);
  assert.equal(leftOf(old, `new_1\nnew_2\ntwo\nthree\n`), 'two\nthree\n'.length);
  assert.equal(leftOf(old, `new_1\nnew_three\n`), 0);
  assert.equal(leftOf(old, 'new_1\n'), 0);
  assert.equal(leftOf('', 'new'), 0);
  assert.equal(leftOf('one', 'newone'), 3);
});

test('a region moves with what changes above it, and grows with what comes at its end', () => {
  const region = { start: 10, end: 20 };
  const change = (rangeOffset: number, rangeLength: number, text: string) => ({ rangeOffset, rangeLength, text });
  assert.deepEqual(movedBy(region, change(2, 3, 'longer')), { start: 13, end: 23 });
  assert.deepEqual(movedBy(region, change(20, 0, 'more')), { start: 10, end: 24 });
  assert.deepEqual(movedBy(region, change(12, 4, '')), { start: 10, end: 16 });
  assert.deepEqual(movedBy(region, change(21, 0, 'below')), region);
  assert.deepEqual(movedBy({ start: 5, end: 5 }, change(5, 0, 'first')), { start: 5, end: 10 });
});
