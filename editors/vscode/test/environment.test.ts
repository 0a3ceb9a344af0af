import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';

import { OwnEnvironment } from '../src/server/environment';

/** Makes an environment whose interpreter writes down what it is called with. */
const PYTHON = `#!/bin/sh
echo "$@" >> "$(dirname "$0")/calls"
if [ "$3" = venv ]; then mkdir -p "$4/bin" && cp "$0" "$4/bin/python"; fi
`;
const BROKEN_UV = '#!/bin/sh\necho "error: tcp connect error" >&2\nexit 2\n';

describe('the own environment', { skip: process.platform === 'win32' }, () => {
  let folder: string;
  let wheel: string;
  const lines: string[] = [];
  const quiet = { onStage: () => undefined, onLine: (line: string) => void lines.push(line) };

  const program = (name: string, text: string): string => {
    const file = path.join(folder, name);
    writeFileSync(file, text, { mode: 0o755 });
    return file;
  };
  const environment = () => new OwnEnvironment(path.join(folder, 'storage'), wheel);
  const calls = () => readFileSync(path.join(folder, 'storage/server/bin/calls'), 'utf8').trim().split('\n');

  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'environment-'));
    wheel = path.join(folder, 'a wheel-1.whl');
    writeFileSync(wheel, 'first');
    lines.length = 0;
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('is ready once it is installed, by venv and pip where uv fails', async () => {
    assert.equal(environment().state, 'missing');
    await environment().install({ uv: program('uv', BROKEN_UV), python: program('python', PYTHON) }, quiet);
    assert.equal(environment().state, 'ready');
    assert.ok(lines.some((line) => line.startsWith('uv failed: ')), lines.join('\n'));
    const [install, again] = calls();
    assert.match(install ?? '', /-m pip install .* streaming-code-generator\[embedded\] @ file:.*\/a%20wheel-1\.whl$/);
    assert.match(again ?? '', /--no-deps --force-reinstall .*\/a wheel-1\.whl$/);
  });

  it('is outdated when the extension carries another wheel, and is then updated where it is', async () => {
    const python = program('python', PYTHON);
    await environment().install({ python }, quiet);
    writeFileSync(wheel, 'second');
    assert.equal(environment().state, 'outdated');
    const kept = path.join(folder, 'storage/server/weights');
    writeFileSync(kept, '');
    await environment().install({ python }, quiet);
    assert.equal(environment().state, 'ready');
    assert.ok(existsSync(kept), 'the models that were installed into it are gone');
    assert.equal(calls().length, 4);
  });

  it('says what failed last, and is not taken for ready', async () => {
    const failing = program('python', '#!/bin/sh\necho "Error: ensurepip is not available" >&2\nexit 1\n');
    await assert.rejects(environment().install({ python: failing }, quiet), {
      message: 'this Python cannot make environments',
      nextStep: /python3-venv/,
    });
    assert.equal(environment().state, 'missing');
  });

  it('is missing when its interpreter was taken away', async () => {
    await environment().install({ python: program('python', PYTHON) }, quiet);
    rmSync(environment().interpreter);
    assert.equal(environment().state, 'missing');
  });

  it('is installed by one window at a time, and given up when cancelled', async () => {
    mkdirSync(path.join(folder, 'storage/installing'), { recursive: true });
    const ending = new AbortController();
    const waiting = environment().install({ python: program('python', PYTHON) }, { ...quiet, signal: ending.signal });
    ending.abort();
    await assert.rejects(waiting, { name: 'AbortError' });
    assert.equal(environment().state, 'missing');
  });
});
