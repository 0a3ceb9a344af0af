import assert from 'node:assert/strict';
import { test } from 'node:test';

import { replaced } from '../src/text';
import { planUndoSteps } from '../src/undo/undoPlan';
import type { UndoPlan } from '../src/undo/undoPlan';
import { SimulatedDocument, seeded } from './simulation';

/** The texts that one undo after the other leads to, from the last to the base. */
function undone(plan: UndoPlan): string[] {
  const texts = [plan.base];
  for (const step of plan.steps) {
    texts.push(replaced(texts.at(-1) ?? '', [step]));
  }
  return texts.reverse();
}

test('code that streamed without anything else happening needs no plan', () => {
  const document = new SimulatedDocument('a\n');
  document.stream(2, 'foo');
  document.stream(5, 'bar');
  assert.equal(planUndoSteps(document.history, 0), undefined);
});

test('code in several undo steps becomes one', () => {
  const document = new SimulatedDocument('a\n');
  document.stream(2, 'foo');
  document.stream(5, 'bar');
  const plan = planUndoSteps(document.history, 1);
  assert.ok(plan);
  assert.deepEqual(undone(plan), ['a\nfoobar', 'a\n']);
});

test('what was typed meanwhile is a step of its own below the code, what was typed before or since is left alone', () => {
  const document = new SimulatedDocument('a\n');
  document.type(0, '!');
  document.stream(3, 'foo');
  document.type(0, 'x');
  document.stream(7, 'bar');
  document.type(0, 'y');
  const plan = planUndoSteps(document.history, 0);
  assert.ok(plan);
  assert.deepEqual(undone(plan), ['x!a\nfoobar', 'x!a\n', '!a\n']);
});

test('as many undos are expected as the editor makes steps: for each place, each word and each turn', () => {
  const document = new SimulatedDocument('one\ntwo\n');
  document.stream(8, 'foo');
  'a b'.split('').forEach((letter, index) => document.type(index, letter));
  document.type(6, 'x');
  document.type(7, 'y');
  document.stream(16, 'bar');
  assert.equal(planUndoSteps(document.history, 0)?.likelyUndos, 5);
});

test('each of two generations is a step of its own', () => {
  const document = new SimulatedDocument('1\n2\n');
  document.stream(2, 'A');
  document.stream(5, 'B');
  document.change([{ start: 3, end: 3, text: 'a' }, { start: 6, end: 6, text: 'b' }], 'server');
  const plan = planUndoSteps(document.history, 0);
  assert.ok(plan);
  assert.deepEqual(undone(plan), ['1\nAa2\nBb', '1\nAa2\n', '1\n2\n']);
});

test('there is no plan once the user changed the code or undid something', () => {
  const document = new SimulatedDocument('a\n');
  document.stream(2, 'foobar');
  document.type(4, 'x');
  document.stream(9, '!');
  assert.equal(planUndoSteps(document.history, 1), undefined);
  const other = new SimulatedDocument('a\n');
  other.stream(2, 'foo');
  other.history.isUnclear = true;
  assert.equal(planUndoSteps(other.history, 1), undefined);
});

test('whatever is streamed and typed outside of it, the steps lead from the base to the text when all had come', () => {
  const random = seeded(11);
  for (let round = 0; round < 1_000; round += 1) {
    const document = new SimulatedDocument('head\nSELECTED\ntail\n');
    let region = { start: 5, end: 5 + random(9) };
    for (let change = 0; change < 10; change += 1) {
      const version = document.version;
      const text = 'abc'.slice(random(3));
      if (random(2) === 0) {
        const at = random(2) === 0 ? random(region.start + 1) : region.end + random(document.text.length - region.end + 1);
        document.type(at, text);
        const isBefore = at < region.start || (at === region.start && region.start === region.end) || (at === region.start);
        region = isBefore ? { start: region.start + text.length, end: region.end + text.length } : region;
      } else {
        document.change([{ ...region, text: document.text.slice(region.start, region.end) + text }], 'server');
        region = { start: region.start, end: region.end + text.length };
      }
      assert.equal(document.history.textAt(version + 1), document.text);
    }
    const plan = planUndoSteps(document.history, 1);
    if (plan) {
      assert.equal(undone(plan)[0], plan.final);
      assert.equal(undone(plan).at(-1), plan.base);
    }
  }
});
