/** Wires the parts together. */

import * as vscode from 'vscode';

import { EditApplier } from './applyEdit';
import { ServerControl } from './client';
import { GenerationCommands } from './commands';
import { UndoSteps } from './undo';
import { GrowingCode } from './decorations';
import { TrackedDocuments } from './documents';
import { Endings } from './endings';
import { Generations } from './generations';
import { refreshLensesAtTheEnd } from './lenses';
import { createLog } from './log';
import { middleware } from './middleware';
import type { Intermediaries } from './middleware';
import { Command } from './names';
import { OwnUndo } from './ownUndo';
import { ProgressNotifications } from './progress';
import { Saves } from './saves';
import { ApiKeys } from './secrets';
import { needsRestart } from './settings';
import { SetupCommands } from './setup';
import { Status } from './status';
import { reportChange } from './sync';

let server: ServerControl | undefined;

export function activate(context: vscode.ExtensionContext): void {
  const log = createLog();
  const keys = new ApiKeys(context.secrets);
  const documents = new TrackedDocuments();
  const generations = new Generations();
  const progress = new ProgressNotifications();
  const status = new Status(generations);
  const ownUndo = new OwnUndo(documents);
  const undo = new UndoSteps(documents, generations, ownUndo, (...change) => reportChange(control, ...change), log);
  const saves = new Saves();
  const edits = new EditApplier(documents, saves);
  const parts: Intermediaries = { edits, undo, progress, run: (...command) => commands.ask(...command) };
  const control: ServerControl = new ServerControl(keys, log, (client) => middleware(parts, client), {
    stateChanged: (state, error) => status.setServer(state, error),
    generationUpdated: (update) => {
      if (generations.isNew(update)) {
        documents.beginStep(update.uri);
      }
      generations.take(update);
    },
    ended: () => {
      progress.endAll();
      generations.endAll();
    },
  });
  const commands = new GenerationCommands(control, documents, generations, context.workspaceState, log);
  const setup = new SetupCommands(keys, log, () => control.restart());

  server = control;
  context.subscriptions.push(log, documents, saves, generations, status, undo, control, new GrowingCode(generations));
  context.subscriptions.push(refreshLensesAtTheEnd(generations, () => control.runningClient()));
  context.subscriptions.push(new Endings(control, documents, generations, log));
  context.subscriptions.push(
    vscode.commands.registerCommand(Command.generate, commands.generate),
    vscode.commands.registerCommand(Command.generateFromComment, commands.generateFromComment),
    vscode.commands.registerCommand(Command.cancel, commands.cancel),
    vscode.commands.registerCommand(Command.accept, commands.accept),
    vscode.commands.registerCommand(Command.remove, commands.remove),
    vscode.commands.registerCommand(Command.retry, commands.retry),
    vscode.commands.registerCommand(Command.undo, undo.undo),
    vscode.commands.registerCommand(Command.redo, undo.redo),
    vscode.commands.registerCommand(Command.showLog, () => log.show()),
    vscode.commands.registerCommand(Command.restartServer, () => control.restart()),
    vscode.commands.registerCommand(Command.checkSetup, setup.checkSetup),
    vscode.commands.registerCommand(Command.setApiKey, setup.setApiKey),
    vscode.commands.registerCommand(Command.clearApiKey, setup.clearApiKey),
    vscode.workspace.onDidChangeConfiguration((event) => needsRestart(event) && control.restart()),
    keys.onDidChange(() => control.restart()),
    vscode.workspace.onDidGrantWorkspaceTrust(() => control.restart()),
  );
  void control.restart();
}

export async function deactivate(): Promise<void> {
  await server?.stop();
}
