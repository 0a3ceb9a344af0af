/** What goes over the wire: the server's names, arguments and results. */

import { NotificationType } from 'vscode-languageclient/node';
import type { Position, Range } from 'vscode-languageclient/node';

export const SECTION = 'streamingCodeGenerator';

/** The server's commands; the language client registers each of them in the editor. */
export const ServerCommand = {
  generate: `${SECTION}.generate`,
  cancel: `${SECTION}.cancel`,
  remove: `${SECTION}.remove`,
  accept: `${SECTION}.accept`,
  retry: `${SECTION}.retry`,
  status: `${SECTION}.status`,
} as const;

export interface GenerateArguments {
  textDocument: { uri: string; version: number };
  position?: Position;
  range?: Range;
  prompt?: string;
  /** One of those that are set. */
  profile?: string;
  target: 'document';
  wait: true;
}

/** When ghost text comes. */
export type InlineCompletion = 'off' | 'invoked' | 'automatic';

/** What the extension reads of the answer to `status`. */
export interface ServerStatus {
  completions: { when: InlineCompletion };
  /** The names of those that are set. */
  profiles: string[];
  /** What was asked of models and what it cost, in words; no day where the ledger cannot be read. */
  usage: { session: { summary: string }; today: { summary: string } | null };
}

/** Which generation a command means; without an id the last one, of the document if one is named. */
export interface GenerationReference {
  id?: string;
  uri?: string;
  /** Whether `retry` answers at the generation's end, as it does if nothing is said, or at once. */
  wait?: boolean;
}

export type GenerationState = 'queued' | 'running' | 'completed' | 'cancelled' | 'error' | 'forgotten';

export interface GenerationUpdate {
  id: string;
  uri: string;
  state: GenerationState;
  range: Range | null;
  /** The summary or the error, once it has ended. */
  message: string;
  tokens: number;
  elapsedSeconds: number;
  tokensPerSecond: number;
}

export const didUpdateGeneration = new NotificationType<GenerationUpdate>(`${SECTION}/didUpdateGeneration`);

/** Says that the change which led to a version of a document was an undo, or a redo. */
export interface UndoNotice {
  textDocument: { uri: string; version: number };
  kind: 'undo' | 'redo';
}

export const didUndo = new NotificationType<UndoNotice>(`${SECTION}/didUndo`);

/** What this client tells the server of itself, so that the server need not guess from its name. */
export const ANNOUNCEMENTS = {
  generationUpdates: true,
  undoNotifications: true,
  endpointSettingsAreMachineScoped: true,
} as const;
