import assert from 'node:assert/strict';
import { test } from 'node:test';

import { DirtyState } from '../src/documents/dirtyState';

const change = { isChange: true, isUndo: false };
const onlyDirty = { isChange: false, isUndo: false };

test('a change that makes a dirty document clean is its file read again', () => {
  const state = new DirtyState(1, true);
  assert.equal(state.take({ version: 2, isDirty: false, ...change }), 'done');
});

test('an undo that makes a dirty document clean throws nothing away', () => {
  const state = new DirtyState(1, false);
  assert.equal(state.take({ version: 1, isDirty: true, ...onlyDirty }), undefined);
  assert.equal(state.take({ version: 2, isDirty: true, ...change }), undefined);
  assert.equal(state.take({ version: 3, isDirty: false, isChange: true, isUndo: true }), undefined);
});

test('a dirty document that is said to become dirty was clean in between', () => {
  const state = new DirtyState(1, true);
  assert.equal(state.take({ version: 1, isDirty: true, ...onlyDirty }), 'undone');
});

test('a save, and the change after it, throw nothing away', () => {
  const state = new DirtyState(1, true);
  assert.equal(state.take({ version: 1, isDirty: false, ...onlyDirty }), undefined);
  assert.equal(state.take({ version: 1, isDirty: true, ...onlyDirty }), undefined);
  assert.equal(state.take({ version: 2, isDirty: true, ...change }), undefined);
});

test('a change of the line endings alone throws nothing away', () => {
  const state = new DirtyState(1, true);
  assert.equal(state.take({ version: 2, isDirty: true, ...onlyDirty }), undefined);
});

test('a clean document that is read again has nothing to throw away', () => {
  const state = new DirtyState(1, false);
  assert.equal(state.take({ version: 2, isDirty: false, ...change }), undefined);
});

test('it may be said after the change too, which then seems to have made the document clean', () => {
  const state = new DirtyState(1, true);
  assert.equal(state.take({ version: 2, isDirty: false, ...change }), 'done');
  assert.equal(state.take({ version: 2, isDirty: true, ...onlyDirty }), 'undone');
});

test('what is typed after the changes were thrown away is not', () => {
  const state = new DirtyState(1, true);
  assert.equal(state.take({ version: 2, isDirty: false, ...change }), 'done');
  assert.equal(state.take({ version: 3, isDirty: false, ...change }), undefined);
  assert.equal(state.take({ version: 3, isDirty: true, ...onlyDirty }), undefined);
});
