import assert from 'node:assert/strict';
import { test } from 'node:test';

import { difference, offsetAt, placeAt, replaced } from '../src/text';
import { seeded } from './simulation';

test('offsets and places belong together, whatever ends the lines', () => {
  const text = 'a\r\nbc\n\rd😀\n';
  for (let offset = 0; offset <= text.length; offset += 1) {
    if (text.slice(offset - 1, offset + 1) !== '\r\n') {
      assert.equal(offsetAt(text, placeAt(text, offset)), offset);
    }
  }
});

test('a place past the end of a line is its end, past the last line the end of the text', () => {
  assert.equal(offsetAt('ab\r\ncd', { line: 0, character: 99 }), 2);
  assert.equal(offsetAt('ab\r\ncd', { line: 9, character: 0 }), 6);
});

test('a difference leads from one text to the other and splits neither a line break nor a surrogate pair', () => {
  const random = seeded(7);
  const pieces = ['a', 'b', '\r\n', '\n', '😀', '😁', ''];
  const write = () => Array.from({ length: random(6) }, () => pieces[random(pieces.length)]).join('');
  for (let round = 0; round < 3_000; round += 1) {
    const [before, after] = [write(), write()];
    const step = difference(before, after);
    assert.equal(step ? replaced(before, [step]) : before, after);
    assert.doesNotMatch(step?.text ?? '', /^[\udc00-\udfff]|[\ud800-\udbff]$/);
  }
});
