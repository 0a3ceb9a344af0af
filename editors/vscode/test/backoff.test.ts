import assert from 'node:assert/strict';
import { test } from 'node:test';

import { RestartBudget } from '../src/server/backoff';
import { originOf } from '../src/origin';

test('a server that crashes again and again is started ever later, and at last not at all', () => {
  const budget = new RestartBudget();
  assert.deepEqual([1, 2, 3, 4, 5, 6].map((at) => budget.next(at)), [1_000, 2_000, 4_000, 8_000, 16_000, undefined]);
});

test('crashes long ago do not count', () => {
  const budget = new RestartBudget();
  budget.next(0);
  assert.equal(budget.next(1_000_000), 1_000);
});

test('a key belongs to scheme, host and port', () => {
  assert.equal(originOf('https://api.example/v1'), originOf('https://api.example:443/other'));
  assert.notEqual(originOf('http://api.example'), originOf('https://api.example'));
  assert.notEqual(originOf('https://api.example:8443'), originOf('https://api.example'));
});
