/** Shows the server's progress as a notification with a Cancel button. */

import * as vscode from 'vscode';
import { WorkDoneProgressCancelNotification } from 'vscode-languageclient/node';
import type {
  LanguageClient,
  ProgressToken,
  WorkDoneProgressBegin,
  WorkDoneProgressEnd,
  WorkDoneProgressReport,
} from 'vscode-languageclient/node';

const SUMMARY_MS = 8_000;
/** So often at most is a message shown: laying out the notification anew holds up the next edit. */
const PAUSE_MS = 500;

interface Shown {
  report(message: string): void;
  end(): void;
}

export class ProgressNotifications {
  private readonly shown = new Map<ProgressToken, Shown>();

  /** Middleware of `$/progress`: our own notification in place of the client's entry in the status bar. */
  handle(
    client: LanguageClient,
    token: ProgressToken,
    value: WorkDoneProgressBegin | WorkDoneProgressReport | WorkDoneProgressEnd,
  ): void {
    if (value.kind === 'begin') {
      this.begin(client, token, value);
    } else if (value.kind === 'report') {
      this.shown.get(token)?.report(value.message ?? '');
    } else {
      this.end(token, value.message);
    }
  }

  endAll(): void {
    [...this.shown.keys()].forEach((token) => this.end(token));
  }

  private begin(client: LanguageClient, token: ProgressToken, value: WorkDoneProgressBegin): void {
    const options = {
      location: vscode.ProgressLocation.Notification,
      cancellable: value.cancellable ?? false,
      title: value.title,
    };
    void vscode.window.withProgress(options, (progress, cancelled) => {
      cancelled.onCancellationRequested(() => {
        void client.sendNotification(WorkDoneProgressCancelNotification.type, { token });
      });
      progress.report({ message: value.message ?? '' });
      let reportedAt = Date.now();
      const report = (message: string) => {
        if (Date.now() - reportedAt > PAUSE_MS) {
          reportedAt = Date.now();
          progress.report({ message });
        }
      };
      return new Promise<void>((resolve) => this.shown.set(token, { report, end: resolve }));
    });
  }

  private end(token: ProgressToken, summary?: string): void {
    this.shown.get(token)?.end();
    this.shown.delete(token);
    if (summary) {
      vscode.window.setStatusBarMessage(summary, SUMMARY_MS);
    }
  }
}
