import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Interruption, mergedInto } from '../src/undo/interruption';
import { replaced } from '../src/text';
import { seeded } from './simulation';

const FINAL = 'a\nfoo\n';

test('nothing but our own changes is no interruption', () => {
  const interruption = new Interruption(FINAL);
  interruption.take('a\n', true);
  interruption.expect(FINAL);
  interruption.take(FINAL, false);
  assert.equal(interruption.hasHappened, false);
  assert.equal(interruption.goal, FINAL);
});

test('what is typed between two steps is in the text that comes of it', () => {
  const interruption = new Interruption(FINAL);
  interruption.take('a\n', true);
  interruption.take('xa\n', false);
  interruption.take('xya\n', false);
  assert.equal(interruption.hasHappened, true);
  assert.equal(interruption.goal, 'xya\nfoo\n');
});

test('what an undo takes back that was on its way already is not lost, nor what is typed after it', () => {
  const interruption = new Interruption(FINAL);
  interruption.take('xya\nfoo\n', false);
  interruption.take(FINAL, true);
  interruption.take('za\nfoo\n', false);
  assert.equal(interruption.goal, 'xyza\nfoo\n');
});

test('a change that is already in the text is not made twice', () => {
  const interruption = new Interruption(FINAL);
  interruption.take('a\n', true);
  interruption.take('a!\n', false);
  const goal = interruption.goal;
  interruption.expect(goal);
  interruption.take(goal, false);
  assert.equal(interruption.goal, goal);
  assert.equal(goal, 'a!\nfoo\n');
});

test('what is typed where code is still to come stands behind it, and in text to be replaced before it', () => {
  assert.equal(mergedInto('a\nfoo\n', 'a\n', 'a\nx'), 'a\nfoo\nx');
  assert.equal(mergedInto('(new)', '(old)', '(oxld)'), '(xnew)');
});

test('whatever is typed among undos that are on their way, the text that comes of it has all of both', () => {
  const random = seeded(5);
  for (let round = 0; round < 3_000; round += 1) {
    const states = ['top\n\nbottom\n'];
    const isCode = random(2) === 0;
    for (let step = 0; step < 8; step += 1) {
      const last = states.at(-1) ?? '';
      const at = (step + (isCode ? 1 : 0)) % 2 === 0 ? 0 : last.length - 8;
      states.push(replaced(last, [{ start: at, end: at, text: 'ab \n'.charAt(random(4)) }]));
    }
    const final = states.at(-1) ?? '';
    const interruption = new Interruption(final);
    let typed = 0;
    for (let event = 0; event < 10; event += 1) {
      if (random(3) === 0) {
        const current = states.at(-1) ?? '';
        const at = random(current.length + 1);
        states.push(replaced(current, [{ start: at, end: at, text: 'Q' }]));
        interruption.take(states.at(-1) ?? '', false);
        typed += 1;
      } else if (states.length > 1) {
        states.pop();
        interruption.take(states.at(-1) ?? '', true);
      }
    }
    const merged = interruption.goal;
    assert.equal(merged.replaceAll('Q', ''), final);
    assert.equal(merged.length, final.length + typed);
  }
});
