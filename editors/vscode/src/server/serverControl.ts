/** Starts the language server when it is first needed; stops and restarts it, one after the other. */

import * as vscode from 'vscode';
import { CloseAction, ErrorAction, ExecuteCommandRequest } from 'vscode-languageclient/node';
import type { LanguageClient } from 'vscode-languageclient/node';

import { RestartBudget } from './backoff';
import { QuietClient } from './quietClient';
import { EVERY_SCHEME } from '../documents/editableDocuments';
import type { OwnEnvironment } from './environment';
import type { FolderSettings } from './folderSettings';
import type { Installer } from './installer';
import type { BaseCommand } from './interpreters';
import { pipeServerLog, withoutSecret } from '../log';
import { NAME } from '../names';
import { WORKING_FOLDER } from './processes';
import { findServer, isFound } from './findServer';
import type { Found } from './findServer';
import type { ApiKeys } from '../secrets';
import { userEndpoint, userSettings } from '../settings';
import { waitedFor } from '../waiting';
import { ANNOUNCEMENTS, didUpdateGeneration, SECTION } from '../wire';
import type { GenerateArguments, GenerationReference, GenerationUpdate } from '../wire';
import type { ClientMiddleware } from '../middleware';

const LONGEST_WAIT_MS = 60_000;

/**
 * What the server is doing: `idle`, not needed yet; `restarting`, waiting to be started anew after it ended;
 * `missing`, not installed; `stopped`, not started any more until it is needed.
 */
export type ServerState = 'idle' | 'missing' | 'starting' | 'running' | 'restarting' | 'stopped';

/** What the rest of the extension wants to hear of the server. */
export interface ServerListener {
  stateChanged(state: ServerState, message: string): void;
  generationUpdated(update: GenerationUpdate): void;
  ended(): void;
}

export class ServerControl implements vscode.Disposable {
  private state: ServerState = 'idle';
  private readonly changed = new vscode.EventEmitter<{ state: ServerState; message: string }>();
  private client: LanguageClient | undefined;
  private found: Found | undefined;
  private tail: Promise<void> = Promise.resolve();
  private queuedRestart: Promise<void> | undefined;
  private readonly crashes = new RestartBudget();
  private crashTimer: NodeJS.Timeout | undefined;

  constructor(
    private readonly own: OwnEnvironment,
    private readonly installer: Installer,
    private readonly keys: ApiKeys,
    private readonly folders: FolderSettings,
    private readonly log: vscode.LogOutputChannel,
    private readonly middleware: (client: () => LanguageClient | undefined) => ClientMiddleware,
    private readonly listener: ServerListener,
  ) {}

  /** Start anew once what runs before it is done; calls that come while one waits are the same restart. */
  restart(): Promise<void> {
    this.installer.letGo();
    this.queuedRestart ??= this.inTurn(async () => {
      this.queuedRestart = undefined;
      await this.stopNow();
      await this.startNow();
    });
    return this.queuedRestart;
  }

  /** What the server is told only when it starts has changed, or what it is started with. */
  settingsChanged(): void {
    this.found = undefined;
    if (this.isUpOrComing) {
      void this.restart();
    } else {
      this.set('idle');
    }
  }

  stop(): Promise<void> {
    return this.inTurn(async () => {
      await this.stopNow();
      this.set('idle');
    });
  }

  /**
   * See to it that a server runs or is about to; false if there is none, of which the user has been told.
   *
   * It is for what asks the user for something first: no prompt is to be written in vain.
   */
  async prepare(): Promise<boolean> {
    if (!this.isUpOrComing) {
      this.installer.letGo();
      await this.inTurn(() => this.find());
      if (!this.found) {
        return false;
      }
      void this.restart();
    }
    return true;
  }

  /** The server, once it runs; rejects if it cannot be had, with why, and if it is not waited for any longer. */
  async whenRunning(): Promise<LanguageClient> {
    if (!(await this.prepare())) {
      throw new vscode.CancellationError();
    }
    const running = this.queuedRestart ? undefined : this.runningClient();
    return running ?? waitedFor(this.nextRunning(), `${NAME}: waiting for the server`);
  }

  /** Run one of the server's commands; rejects with the server's error. */
  async execute(command: string, argument: GenerateArguments | GenerationReference): Promise<unknown> {
    const client = await this.whenRunning();
    const request = () => client.sendRequest(ExecuteCommandRequest.type, { command, arguments: [argument] });
    return 'textDocument' in argument ? this.folders.send(client, argument.textDocument.uri, request) : request();
  }

  runningClient(): LanguageClient | undefined {
    return this.client?.isRunning() ? this.client : undefined;
  }

  dispose(): void {
    clearTimeout(this.crashTimer);
    void this.stop();
    this.changed.dispose();
  }

  /** Whether nothing has been asked of a server since the window was opened. */
  get isUnused(): boolean {
    return this.state === 'idle' || this.state === 'missing';
  }

  private get isUpOrComing(): boolean {
    return this.queuedRestart !== undefined || ['starting', 'running', 'restarting'].includes(this.state);
  }

  private set(state: ServerState, message = ''): void {
    this.state = state;
    this.changed.fire({ state, message });
    this.listener.stateChanged(state, message);
  }

  /** Wait for the next start to succeed; a server that waits to be restarted is waited for too. */
  private nextRunning(): Promise<LanguageClient> {
    return new Promise((resolve, reject) => {
      const settle = (end: () => void) => {
        clearTimeout(timer);
        subscription.dispose();
        end();
      };
      const give = (reason: string) => settle(() => reject(new Error(reason)));
      const timer = setTimeout(
        () => give(`the server is not ready after ${LONGEST_WAIT_MS / 1000} s. Run "Restart Server", or "Show Log".`),
        LONGEST_WAIT_MS,
      );
      const subscription = this.changed.event(({ state, message }) => {
        const client = state === 'running' ? this.runningClient() : undefined;
        if (client) {
          settle(() => resolve(client));
        } else if (state === 'stopped' || state === 'missing' || state === 'idle') {
          give(`the server does not run: ${message || 'it was stopped'}. Run "Restart Server", or "Check Set-up" to see why.`);
        }
      });
    });
  }

  private inTurn(task: () => Promise<void>): Promise<void> {
    const run = this.tail.then(task);
    this.tail = run.catch((error: unknown) => this.failed(error));
    return this.tail;
  }

  /** Find what runs the server, or offer to install it. */
  private async find(): Promise<void> {
    if (this.found) {
      return;
    }
    const first = await findServer(this.own);
    if (isFound(first)) {
      this.found = first;
      return;
    }
    this.set('missing', 'the server is not installed');
    const second = (await this.installer.offer(first)) ? await findServer(this.own) : first;
    this.found = isFound(second) ? second : undefined;
  }

  private async startNow(): Promise<void> {
    await this.find();
    if (!this.found) {
      return;
    }
    this.set('starting');
    const { command, because, isOwn } = this.found;
    if (isOwn && this.own.state === 'outdated') {
      await this.installer.update();
    }
    this.log.info(`Starting ${command.join(' ')}, from ${because}.`);
    const client = await this.createClient(command);
    this.client = client;
    client.onNotification(didUpdateGeneration, (update) => this.listener.generationUpdated(update));
    await client.start();
    this.set('running');
  }

  private async createClient([executable, ...args]: BaseCommand): Promise<LanguageClient> {
    const key = await this.usableKey();
    const keyOrigin = await this.keys.origin();
    const client: LanguageClient = new QuietClient(
      SECTION,
      NAME,
      { command: executable, args: [...args, 'serve', '--stdio'], options: { cwd: WORKING_FOLDER } },
      {
        documentSelector: EVERY_SCHEME,
        initializationOptions: { ...userSettings(), ...ANNOUNCEMENTS, ...(key ? { apiKey: key, apiKeyOrigin: keyOrigin } : {}) },
        // eslint-disable-next-line @typescript-eslint/no-deprecated -- the server asks, but must be told when to
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
    const endpoint = userEndpoint();
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
      // One that is too busy to answer in time is ended by the client, and the next one is started all the same.
      await client.dispose().catch((error: unknown) => this.log.warn(`The server did not stop in time: ${String(error)}`));
    }
  }

  private failed(error: unknown): void {
    const message = error instanceof Error ? error.message : String(error);
    this.log.error(`The server could not be started: ${message}`);
    this.found = undefined;
    if (this.state !== 'restarting') {
      this.set('stopped', message);
    }
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
    this.set('restarting', message);
    void vscode.window.showWarningMessage(`${NAME}: ${message}.`);
    this.crashTimer = setTimeout(() => void this.restart(), waitMs);
  }

  private giveUp(): void {
    const message = 'the server ended unexpectedly again and again, and is not restarted any more';
    this.log.error(`${message}.`);
    this.set('stopped', message);
    void vscode.window.showErrorMessage(`${NAME}: ${message}.`, 'Restart', 'Show Log').then((chosen) => {
      if (chosen === 'Restart') {
        void this.restart();
      } else if (chosen) {
        this.log.show();
      }
    });
  }
}
