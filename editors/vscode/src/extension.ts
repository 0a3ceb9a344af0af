/** Wires the parts together. */

import * as vscode from 'vscode';

import { registerActions } from './generations/actions';
import { EditApplier } from './documents/applyEdit';
import { BusyDocuments } from './documents/busyDocuments';
import { ServerControl } from './server/serverControl';
import { GenerationCommands } from './generations/commands';
import { UndoSteps } from './undo/undoSteps';
import { GrowingCode } from './generations/decorations';
import { TrackedDocuments } from './documents/trackedDocuments';
import { Endings } from './documents/endings';
import { OwnEnvironment, packagedWheel } from './server/environment';
import { FolderSettings } from './server/folderSettings';
import { FollowedCode } from './generations/follow';
import { Generations } from './generations/generations';
import { GhostText } from './ghostText';
import { Installer } from './server/installer';
import { refreshLensesAtTheEnd } from './generations/lenses';
import { createLog } from './log';
import { middleware } from './middleware';
import type { Intermediaries } from './middleware';
import { Command } from './names';
import { UserUndo } from './undo/userUndo';
import { ProgressNotifications } from './generations/progress';
import { Prompts } from './generations/prompt';
import { ApiKeys } from './secrets';
import { needsRestart } from './settings';
import { SetupCommands } from './server/setupCommands';
import { Status } from './generations/status';
import { Usage } from './generations/usage';
import { reportChange } from './undo/notifications';

let server: ServerControl | undefined;

export function activate(context: vscode.ExtensionContext): void {
  const log = createLog();
  const keys = new ApiKeys(context.secrets);
  const documents = new TrackedDocuments();
  const generations = new Generations();
  const folders = new FolderSettings();
  const progress = new ProgressNotifications();
  const status = new Status(generations);
  const userUndo = new UserUndo(documents);
  const undo = new UndoSteps(documents, generations, userUndo, (...change) => reportChange(control, ...change), log);
  const busy = new BusyDocuments();
  const edits = new EditApplier(documents, busy);
  const parts: Intermediaries = { edits, undo, progress, folders, settingsSent: () => ghost.refresh(), run: (...command) => commands.ask(...command) };
  const own = new OwnEnvironment(context.globalStorageUri.fsPath, packagedWheel(context.extensionPath));
  const installer = new Installer(own, keys, log);
  const control: ServerControl = new ServerControl(own, installer, keys, folders, log, (client) => middleware(parts, client), {
    stateChanged: (state, message) => {
      status.setServer(state, message);
      if (state === 'running') {
        void ghost.refresh();
        void vscode.commands.executeCommand('setContext', 'streamingCodeGenerator.hasServer', true);
      }
    },
    generationUpdated: (update) => {
      if (generations.isNew(update)) {
        documents.beginStep(update.uri);
      }
      generations.take(update);
    },
    ended: () => {
      progress.endAll();
      generations.endAll();
      ghost.serverEnded();
    },
  });
  const ghost: GhostText = new GhostText(control);
  const prompts = new Prompts(context.workspaceState);
  const commands = new GenerationCommands(control, documents, generations, prompts, log);
  const setup = new SetupCommands(own, installer, keys, log, () => control.settingsChanged());

  const usage = new Usage(control, generations, status);
  const followed = new FollowedCode(generations);

  server = control;
  context.subscriptions.push(log, documents, busy, generations, status, undo, control, ghost, followed, usage, new GrowingCode(generations));
  context.subscriptions.push(registerActions(() => control.runningClient() !== undefined));
  context.subscriptions.push(refreshLensesAtTheEnd(generations, () => control.runningClient()));
  context.subscriptions.push(new Endings(control, documents, busy, generations, log));
  context.subscriptions.push(
    vscode.commands.registerCommand(Command.generate, commands.generate),
    vscode.commands.registerCommand(Command.generateFromComment, commands.generateFromComment),
    vscode.commands.registerCommand(Command.generateWithProfile, commands.generateWithProfile),
    vscode.commands.registerCommand(Command.chooseProfile, commands.chooseProfile),
    vscode.commands.registerCommand(Command.cancel, commands.cancel),
    vscode.commands.registerCommand(Command.accept, commands.accept),
    vscode.commands.registerCommand(Command.remove, commands.remove),
    vscode.commands.registerCommand(Command.retry, commands.retry),
    vscode.commands.registerCommand(Command.goToCode, followed.goTo),
    vscode.commands.registerCommand(Command.undo, undo.undo),
    vscode.commands.registerCommand(Command.earlierPrompt, prompts.earlier),
    vscode.commands.registerCommand(Command.laterPrompt, prompts.later),
    vscode.commands.registerCommand(Command.redo, undo.redo),
    vscode.commands.registerCommand(Command.toggleGhostText, ghost.toggle),
    vscode.commands.registerCommand(Command.showUsage, usage.show),
    vscode.commands.registerCommand(Command.showLog, () => log.show()),
    vscode.commands.registerCommand(Command.restartServer, () => control.restart()),
    vscode.commands.registerCommand(Command.installServer, setup.installServer),
    vscode.commands.registerCommand(Command.installModel, setup.installModel),
    vscode.commands.registerCommand(Command.checkSetup, setup.checkSetup),
    vscode.commands.registerCommand(Command.setApiKey, setup.setApiKey),
    vscode.commands.registerCommand(Command.clearApiKey, setup.clearApiKey),
    vscode.workspace.onDidChangeConfiguration((event) => needsRestart(event) && control.settingsChanged()),
    keys.onDidChange(() => control.settingsChanged()),
    vscode.workspace.onDidGrantWorkspaceTrust(() => control.settingsChanged()),
  );
}

export async function deactivate(): Promise<void> {
  await server?.stop();
}
