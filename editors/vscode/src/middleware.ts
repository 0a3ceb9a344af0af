/** Where the extension steps between the language client and the editor. */

import type { LanguageClient, Middleware } from 'vscode-languageclient/node';

import type { EditApplier } from './documents/applyEdit';
import type { FolderSettings } from './server/folderSettings';
import { EditableDocuments } from './documents/editableDocuments';
import type { UndoSteps } from './undo/undoSteps';
import { foldProfiles } from './generations/profileActions';
import type { ProgressNotifications } from './generations/progress';
import { withoutClientsOwn } from './settings';
import { tellOfUndo } from './undo/notifications';
import type { GenerationReference } from './wire';

export type ClientMiddleware = Middleware;

export interface Intermediaries {
  edits: EditApplier;
  undo: UndoSteps;
  progress: ProgressNotifications;
  folders: FolderSettings;
  /** Called when the server has asked for the settings, and is about to read them. */
  settingsSent: () => Promise<void>;
  /** Run one of the server's commands and show what it failed with; the client would show it in its own words. */
  run: (command: string, argument: GenerationReference) => Promise<void>;
}

export function middleware(parts: Intermediaries, client: () => LanguageClient | undefined): ClientMiddleware {
  const editable = new EditableDocuments();
  return {
    ...editable.middleware,
    didChange: async (event, next) => {
      if (parts.undo.isHolding(event.document) || !editable.has(event.document)) {
        return;
      }
      // Not awaited: what is sent in one turn goes out in that order, and no other change may come in between.
      const told = event.reason && tellOfUndo(client(), event.document, event.reason);
      await editable.sendChange(event, next);
      await told;
    },
    provideCodeActions: async (document, range, context, token, next) => {
      const offers = await next(document, range, context, token);
      return offers && foldProfiles(offers);
    },
    executeCommand: (command, args) => parts.run(command, waiting(args as readonly GenerationReference[])),
    handleWorkDoneProgress: (token, value, next) => {
      const running = client();
      if (running) {
        parts.progress.handle(running, token, value);
      } else {
        next(token, value);
      }
    },
    workspace: {
      handleApplyEdit: parts.edits.handle,
      configuration: async (params, token, next) => {
        const answers: unknown = await next(parts.folders.scoped(params), token);
        parts.folders.answered();
        void parts.settingsSent();
        return Array.isArray(answers) ? answers.map(withoutClientsOwn) : [];
      },
    },
  };
}

/** Ask for the generation's end, so that its failure is heard of: the editor does not wait for a lens's command. */
function waiting([argument]: readonly GenerationReference[]): GenerationReference {
  return argument?.wait === undefined ? { ...argument } : { ...argument, wait: true };
}
