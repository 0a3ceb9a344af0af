import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { Entry } from '../src/undo/documentHistory';
import { lastUserStep } from '../src/undo/userSteps';
import { replaced } from '../src/text';
import { SimulatedDocument } from './simulation';

const NONE: ReadonlySet<Entry> = new Set();

function withoutLastStep(document: SimulatedDocument): string | undefined {
  const step = lastUserStep(document.history, NONE);
  return step && replaced(document.text, step.edits);
}

test('a word is taken back, wherever code came in between its letters', () => {
  const document = new SimulatedDocument('top\n\n');
  document.stream(4, 'a');
  document.type(3, ' ');
  document.stream(6, 'b');
  document.type(4, 'x');
  document.stream(8, 'c');
  document.type(5, 'y');
  assert.equal(document.text, 'top xy\nabc\n');
  assert.equal(withoutLastStep(document), 'top\nabc\n');
});

test('only the last word is taken back', () => {
  const document = new SimulatedDocument('');
  'one two'.split('').forEach((letter, index) => document.type(index, letter));
  document.stream(7, '\ncode');
  assert.equal(withoutLastStep(document), 'one\ncode');
});

test('what was deleted comes back', () => {
  const document = new SimulatedDocument('abc\n');
  document.change([{ start: 1, end: 2, text: '' }]);
  document.stream(3, 'code');
  assert.equal(withoutLastStep(document), 'abc\ncode');
});

test('several words typed at another place are another step', () => {
  const document = new SimulatedDocument('1\n2\n');
  document.type(0, 'a');
  document.type(4, 'b');
  assert.equal(withoutLastStep(document), 'a1\n2\n');
});

test('a step that was undone is left out, and so is the edit that did it', () => {
  const document = new SimulatedDocument('x\n');
  document.type(0, 'a');
  document.type(2, 'b');
  const step = lastUserStep(document.history, NONE);
  assert.ok(step);
  document.change(step.edits);
  const undoing = document.history.entries.at(-1);
  assert.ok(undoing);
  const earlier = lastUserStep(document.history, new Set([...step.entries, undoing]));
  assert.ok(earlier);
  assert.equal(replaced(document.text, earlier.edits), 'x\n');
});

test('there is no step where only code came', () => {
  const document = new SimulatedDocument('x\n');
  document.stream(2, 'code');
  assert.equal(withoutLastStep(document), undefined);
});

test('a step that code has since replaced is not taken back', () => {
  const document = new SimulatedDocument('x\n');
  document.type(0, 'abc');
  document.stream(1, 'code', 1);
  assert.equal(withoutLastStep(document), undefined);
});
