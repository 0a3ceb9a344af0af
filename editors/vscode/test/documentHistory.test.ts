import assert from 'node:assert/strict';
import { test } from 'node:test';

import { DocumentHistory } from '../src/undo/documentHistory';
import { SimulatedDocument, seeded } from './simulation';

test('every earlier text can be had again', () => {
  const random = seeded(3);
  for (let round = 0; round < 200; round += 1) {
    const document = new SimulatedDocument('one\r\ntwo\r\nthree');
    const texts = [document.text];
    for (let change = 0; change < 12; change += 1) {
      const start = random(document.text.length + 1);
      const end = Math.min(document.text.length, start + random(4));
      document.change([{ start, end, text: 'xyz'.slice(random(4)) }]);
      texts.push(document.text);
    }
    texts.forEach((text, index) => assert.equal(document.history.textAt(index + 1), text));
    assert.equal(document.history.textAt(0), undefined);
    assert.equal(document.history.textAt(99), undefined);
  }
});

test('several replacements of one event are taken in the order they are reported', () => {
  const document = new SimulatedDocument('a b c');
  document.change([
    { start: 0, end: 1, text: 'long' },
    { start: 4, end: 5, text: '' },
  ]);
  assert.equal(document.text, 'long b ');
  assert.equal(document.history.textAt(1), 'a b c');
});

test('what changed beyond what was reported makes the record unclear, not wrong', () => {
  const history = new DocumentHistory(1, 'a\nb');
  history.record(2, [], 'a\r\nb');
  assert.equal(history.isUnclear, true);
  assert.equal(history.textAt(2), 'a\r\nb');
  assert.equal(history.carry([{ start: 0, end: 0, text: 'x' }], 2)?.length, 1);
});

test('the server\'s stretches are known with what they replaced', () => {
  const document = new SimulatedDocument('keep old keep');
  document.stream(5, 'n', 3);
  document.stream(6, 'ew');
  document.type(0, '# ');
  assert.deepEqual(document.history.segmentsUpTo(document.version), [{ start: 7, end: 10, original: 'old' }]);
  document.type(8, 'x');
  assert.equal(document.history.segmentsUpTo(document.version), undefined);
});

test('a selection that is replaced piece by piece stays one stretch', () => {
  const document = new SimulatedDocument('[abcdef]');
  document.stream(1, 'X', 2);
  document.stream(2, 'Y', 4);
  assert.deepEqual(document.history.segmentsUpTo(document.version), [{ start: 1, end: 3, original: 'abcdef' }]);
});
