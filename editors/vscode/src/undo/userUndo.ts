/** Undoes and redoes what the user did to a document while code streams into it, and leaves the code alone. */

import type * as vscode from 'vscode';

import { makeEdit } from '../documents/applyEdit';
import type { TrackedDocument, TrackedDocuments } from '../documents/trackedDocuments';
import type { Entry } from './documentHistory';
import { lastUserStep, takenBack } from './userSteps';
import type { Replacement } from '../text';

const MOST_ATTEMPTS = 5;
const STEP = { undoStopBefore: true, undoStopAfter: true };

/** What was undone and done again in one document while code streamed into it. */
class Undone {
  /** Steps that were undone, and the edits that undid them: no undo is to look at these. */
  readonly settled = new Set<Entry>();
  /** The edits that did something again. */
  readonly again = new Set<Entry>();
  /** The edits that a redo takes back, the last one last. */
  readonly redoable: Entry[] = [];
}

interface Step {
  edits: readonly Replacement[];
  /** Take note of the change that the edits have made. */
  made: (entry: Entry) => void;
}

export class UserUndo {
  private readonly records = new WeakMap<TrackedDocument, Undone>();

  constructor(private readonly documents: TrackedDocuments) {}

  /** Undo the user's last step; false if there is none, so that the last step is the code's. */
  undo(document: vscode.TextDocument): Promise<boolean> {
    return this.make(document, (tracked, record) => {
      const step = lastUserStep(tracked.history, record.settled);
      const made = (entry: Entry) => {
        [...(step?.entries ?? []), entry].forEach((each) => record.settled.add(each));
        record.redoable.push(entry);
      };
      return step && { edits: step.edits, made };
    });
  }

  /** Do again what was undone last; false if nothing was, or the user has done something else since. */
  redo(document: vscode.TextDocument): Promise<boolean> {
    return this.make(document, ({ history }, record) => {
      const last = record.redoable.at(-1);
      const later = last ? history.entries.slice(history.entries.indexOf(last) + 1) : [];
      const isOurs = ({ author }: Entry) => author === 'server';
      const isClear = later.every((entry) => isOurs(entry) || record.settled.has(entry) || record.again.has(entry));
      const edits = last && isClear ? takenBack(later, last) : undefined;
      const made = (entry: Entry) => {
        record.redoable.pop();
        record.again.add(entry);
      };
      return edits && { edits, made };
    });
  }

  private make(document: vscode.TextDocument, next: (tracked: TrackedDocument, record: Undone) => Step | undefined): Promise<boolean> {
    const tracked = this.documents.get(document.uri.toString());
    if (!tracked) {
      return Promise.resolve(false);
    }
    const record = this.records.get(tracked) ?? new Undone();
    this.records.set(tracked, record);
    return tracked.inTurn(async () => {
      for (let attempt = 0; attempt < MOST_ATTEMPTS; attempt += 1) {
        const step = next(tracked, record);
        if (!step) {
          return false;
        }
        const version = document.version + 1;
        const isMade = await makeEdit(document, step.edits, STEP);
        const entry = tracked.history.entries.find((each) => each.version === version);
        if (isMade && entry) {
          step.made(entry);
          return true;
        }
      }
      return true; // the user types on: rather nothing is undone than something else
    });
  }
}
