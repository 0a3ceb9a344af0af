/** The API key: kept in the editor's secret store, and bound to the endpoint that it was given for. */

import * as vscode from 'vscode';

import { originOf } from './origin';

const STORED_UNDER = 'apiKey';

interface StoredKey {
  key: string;
  /** Scheme, host and port; the key is sent nowhere else. */
  origin: string;
}

export class ApiKeys {
  constructor(private readonly secrets: vscode.SecretStorage) {}

  /** Fires when a key was stored or removed, in this window or another. */
  get onDidChange(): vscode.Event<unknown> {
    return this.secrets.onDidChange;
  }

  async store(key: string, endpoint: string): Promise<void> {
    const stored: StoredKey = { key, origin: originOf(endpoint) };
    await this.secrets.store(STORED_UNDER, JSON.stringify(stored));
  }

  async clear(): Promise<void> {
    await this.secrets.delete(STORED_UNDER);
  }

  /** The key for an endpoint; undefined if there is none, or if it was given for another endpoint. */
  async keyFor(endpoint: string): Promise<string | undefined> {
    const stored = await this.stored();
    return stored?.origin === originOf(endpoint) ? stored.key : undefined;
  }

  /** Where the stored key may be sent; undefined if there is none. */
  async origin(): Promise<string | undefined> {
    return (await this.stored())?.origin;
  }

  private async stored(): Promise<StoredKey | undefined> {
    const text = await this.secrets.get(STORED_UNDER);
    if (!text) {
      return undefined;
    }
    const stored: unknown = JSON.parse(text);
    return isStoredKey(stored) ? stored : undefined;
  }
}

function isStoredKey(value: unknown): value is StoredKey {
  return (
    typeof value === 'object' &&
    value !== null &&
    'key' in value &&
    typeof value.key === 'string' &&
    'origin' in value &&
    typeof value.origin === 'string'
  );
}
