import assert from 'node:assert/strict';
import { test } from 'node:test';

import { shownErrors } from './editorStub'; // before what loads the editor
import { QuietClient } from '../src/server/quietClient';

class Client extends QuietClient {
  constructor(readonly log: string[], readonly runs: boolean) {
    const outputChannel = { error: (line: string) => log.push(line), appendLine: (line: string) => log.push(line) };
    super('test', 'Test', { command: 'none' }, { outputChannel: outputChannel as never });
  }

  protected override registerBuiltinFeatures(): void {
    // They belong to an editor.
  }

  override isRunning(): boolean {
    return this.runs;
  }
}

test('what cannot be sent to a server that is being stopped is only logged', () => {
  const client = new Client([], false);
  client.error('Sending notification workspace/didChangeConfiguration failed', new Error('closed'));
  assert.match(client.log.join('\n'), /didChangeConfiguration failed/);
  assert.deepEqual(shownErrors.splice(0), []);
});

test('what cannot be sent to a server that runs is shown', () => {
  new Client([], true).error('Sending notification workspace/didChangeConfiguration failed', new Error('broken'));
  assert.match(shownErrors.splice(0).join('\n'), /didChangeConfiguration failed/);
});
