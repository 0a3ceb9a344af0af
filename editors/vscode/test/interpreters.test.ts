import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { failureOf } from '../src/server/failure';
import { probeInterpreter, shortcoming } from '../src/server/interpreters';

describe('an interpreter', () => {
  it('is asked for its version and the package', async () => {
    const found = await probeInterpreter('python3');
    assert.ok(typeof found !== 'string', 'it cannot be asked');
    assert.equal(found.version[0], 3);
  });

  it('that is too old is said to be', () => {
    assert.equal(
      shortcoming({ version: [3, 9, 2], hasPackage: false }),
      'is Python 3.9.2, and 3.11 or newer is needed',
    );
    assert.equal(shortcoming({ version: [3, 11, 0], hasPackage: true }), undefined);
    assert.equal(shortcoming({ version: [4, 0, 0], hasPackage: true }), undefined);
    assert.match(shortcoming({ version: [3, 14, 1], hasPackage: false }) ?? '', /does not have the package/);
  });

  it('that is none is told with what happened', async () => {
    assert.equal(await probeInterpreter('/no/such/python'), 'cannot be started (ENOENT)');
  });
});

describe('why an installer failed', () => {
  it('is said in a sentence with the next step', () => {
    const unreachable = failureOf(['  cause: dns error', 'x'], 'uv');
    assert.equal(unreachable.message, 'the package index cannot be reached');
    assert.match(unreachable.nextStep, /proxy/);
    assert.match(failureOf(['ERROR: No matching distribution found for xllamacpp'], 'pip').message, /has not all packages/);
  });

  it('that is not known is what the installer said', () => {
    assert.equal(failureOf(['one', 'error: the moon is full', 'two'], 'uv').message, '`uv` failed (error: the moon is full)');
    assert.equal(failureOf([], 'uv').message, '`uv` failed (it said nothing)');
  });
});
