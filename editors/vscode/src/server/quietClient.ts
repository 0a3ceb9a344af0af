/** The language client, without its word on what the extension says of its server itself. */

import { LanguageClient } from 'vscode-languageclient/node';

/** A client whose failures are only logged while its server is being stopped, and once it has ended. */
export class QuietClient extends LanguageClient {
  override error(message: string, data?: unknown, showNotification: boolean | 'force' = true): void {
    super.error(message, data, this.isRunning() && showNotification);
  }
}
