/** Starts, stops and restarts the language server, one after the other. */

import * as vscode from 'vscode';
import { CloseAction, ErrorAction, ExecuteCommandRequest, LanguageClient } from 'vscode-languageclient/node';

import { RestartBudget } from './backoff';
import { EVERY_SCHEME } from './editable';
import { offerInstallation } from './install';
import { pipeServerLog, withoutSecret } from './log';
import { NAME } from './names';
import { findServer, isFound, WORKING_FOLDER } from './python';
import type { BaseCommand } from './python';
import type { ApiKeys } from './secrets';
import { personsEndpoint, personsOwnSettings } from './settings';
import type { ServerState } from './status';
import { ANNOUNCEMENTS, didUpdateGeneration, SECTION } from './wire';
import type { GenerateArguments, GenerationReference, GenerationUpdate } from './wire';
import type { ClientMiddleware } from './middleware';

/** What the rest of the extension wants to hear of the server. */
export interface ServerListener {
  stateChanged(state: ServerState, error?: string): void;
  generationUpdated(update: GenerationUpdate): void;
  ended(): void;
}

export class ServerControl implements vscode.Disposable {
  private client: LanguageClient | undefined;
  private tail: Promise<void> = Promise.resolve();
  private queuedRestart: Promise<void> | undefined;
  private readonly crashes = new RestartBudget();
  private crashTimer: NodeJS.Timeout | undefined;

  constructor(
    private readonly keys: ApiKeys,
    private readonly log: vscode.LogOutputChannel,
    private readonly middleware: (client: () => LanguageClient | undefined) => ClientMiddleware,
    private readonly listener: ServerListener,
  ) {}

  /** Start anew once what runs before it is done; calls that come while one waits are the same restart. */
  restart(): Promise<void> {
    this.queuedRestart ??= this.inTurn(async () => {
      this.queuedRestart = undefined;
      await this.stopNow();
      await this.startNow();
    });
    return this.queuedRestart;
  }

  stop(): Promise<void> {
    return this.inTurn(() => this.stopNow());
  }

  /** Run one of the server's commands; rejects with the server's error. */
  async execute(command: string, argument: GenerateArguments | GenerationReference): Promise<unknown> {
    await this.tail;
    const client = this.runningClient();
    if (!client) {
      throw new Error('the server is not running. Run "Restart Server", or "Check Set-up" to see why.');
    }
    return client.sendRequest(ExecuteCommandRequest.type, { command, arguments: [argument] });
  }

  runningClient(): LanguageClient | undefined {
    return this.client?.isRunning() ? this.client : undefined;
  }

  dispose(): void {
    clearTimeout(this.crashTimer);
    void this.stop();
  }

  private inTurn(task: () => Promise<void>): Promise<void> {
    const run = this.tail.then(task);
    this.tail = run.catch((error: unknown) => this.failed(error));
    return this.tail;
  }

  private async startNow(): Promise<void> {
    this.listener.stateChanged('starting');
    const found = await findServer();
    if (!isFound(found)) {
      this.listener.stateChanged('stopped', 'the server is not installed');
      void offerInstallation(found, this.log).then((installed) => (installed ? this.restart() : undefined));
      return;
    }
    this.log.info(`Starting ${found.command.join(' ')}, from ${found.because}.`);
    const client = await this.createClient(found.command);
    this.client = client;
    client.onNotification(didUpdateGeneration, (update) => this.listener.generationUpdated(update));
    await client.start();
    this.listener.stateChanged('running');
  }

  private async createClient([executable, ...args]: BaseCommand): Promise<LanguageClient> {
    const key = await this.usableKey();
    const keyOrigin = await this.keys.origin();
    const client: LanguageClient = new LanguageClient(
      SECTION,
      NAME,
      { command: executable, args: [...args, 'serve', '--stdio'], options: { cwd: WORKING_FOLDER } },
      {
        documentSelector: EVERY_SCHEME,
        initializationOptions: { ...personsOwnSettings(), ...ANNOUNCEMENTS, ...(key ? { apiKey: key, apiKeyOrigin: keyOrigin } : {}) },
        synchronize: { configurationSection: SECTION },
        outputChannel: withoutSecret(this.log, key),
        traceOutputChannel: withoutSecret(this.log, key),
        stdioOptions: { stdout: pipeServerLog, stderr: pipeServerLog },
        middleware: this.middleware(() => client),
        errorHandler: {
          error: () => ({ action: ErrorAction.Continue, handled: true }),
          closed: () => {
            this.crashed(client);
            return { action: CloseAction.DoNotRestart, handled: true, message: 'The connection to the server was closed.' };
          },
        },
        initializationFailedHandler: () => false,
      },
    );
    return client;
  }

  private async usableKey(): Promise<string | undefined> {
    const endpoint = personsEndpoint();
    const key = await this.keys.keyFor(endpoint);
    const origin = key ? undefined : await this.keys.origin();
    if (origin) {
      this.log.warn(`The stored API key is not used: it was given for ${origin}, and requests go to ${endpoint}.`);
    }
    return key;
  }

  private async stopNow(): Promise<void> {
    clearTimeout(this.crashTimer);
    const { client } = this;
    this.client = undefined;
    this.listener.ended();
    if (client?.isRunning()) {
      await client.dispose();
    }
  }

  private failed(error: unknown): void {
    const message = error instanceof Error ? error.message : String(error);
    this.log.error(`The server could not be started: ${message}`);
    this.listener.stateChanged('stopped', message);
  }

  private crashed(client: LanguageClient): void {
    if (client !== this.client) {
      return; // it was stopped on purpose
    }
    this.listener.ended();
    const waitMs = this.crashes.next(Date.now());
    if (waitMs === undefined) {
      this.giveUp();
      return;
    }
    const message = `the server ended unexpectedly and is restarted in ${waitMs / 1000} s`;
    this.log.error(`${message}.`);
    this.listener.stateChanged('stopped', message);
    void vscode.window.showWarningMessage(`${NAME}: ${message}.`);
    this.crashTimer = setTimeout(() => void this.restart(), waitMs);
  }

  private giveUp(): void {
    const message = 'the server ended unexpectedly again and again, and is not restarted any more';
    this.log.error(`${message}.`);
    this.listener.stateChanged('stopped', message);
    void vscode.window.showErrorMessage(`${NAME}: ${message}.`, 'Restart', 'Show Log').then((chosen) => {
      if (chosen === 'Restart') {
        void this.restart();
      } else if (chosen) {
        this.log.show();
      }
    });
  }
}
