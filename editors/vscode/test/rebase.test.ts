import assert from 'node:assert/strict';
import { test } from 'node:test';

import { rebase } from '../src/undo/rebase';
import { SimulatedDocument } from './simulation';

const insertion = { start: 5, end: 5, text: 'new' };

test('an edit moves with what was typed before it', () => {
  assert.deepEqual(rebase(insertion, { offset: 1, removed: '', text: 'ab' }, false), { start: 7, end: 7, text: 'new' });
  assert.deepEqual(rebase(insertion, { offset: 1, removed: 'xyz', text: '' }, false), { start: 2, end: 2, text: 'new' });
});

test('an edit stays where it is when something behind it changes', () => {
  assert.deepEqual(rebase(insertion, { offset: 6, removed: 'x', text: 'abc' }, false), insertion);
});

test('text typed exactly at an insertion goes behind it, or before it where it yields', () => {
  const typed = { offset: 5, removed: '', text: 'x' };
  assert.deepEqual(rebase(insertion, typed, false), insertion);
  assert.deepEqual(rebase(insertion, typed, true), { start: 6, end: 6, text: 'new' });
});

test('an edit of text that changed meanwhile cannot be carried', () => {
  assert.equal(rebase({ start: 2, end: 6, text: '' }, { offset: 4, removed: 'x', text: 'y' }, false), undefined);
  assert.equal(rebase({ start: 2, end: 6, text: '' }, { offset: 0, removed: 'abcdefghij', text: '' }, false), undefined);
});

test('streamed text goes on at its own end although the user types right behind it', () => {
  const document = new SimulatedDocument('ab\n');
  document.stream(3, 'foo');
  const version = document.version;
  document.type(6, '!');
  document.type(0, '# ');
  const [edit] = document.history.carry([{ start: 6, end: 6, text: 'bar' }], version) ?? [];
  assert.ok(edit);
  document.change([edit], 'server');
  assert.equal(document.text, '# ab\nfoobar!');
});

test('a first edit goes behind what was typed where it is to begin', () => {
  const document = new SimulatedDocument('ab\n');
  document.type(3, 'x');
  assert.deepEqual(document.history.carry([{ start: 3, end: 3, text: 'foo' }], 1), [{ start: 4, end: 4, text: 'foo' }]);
});
