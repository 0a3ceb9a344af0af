/**
 * Brings the server's edits into documents: one after the other, carried over what the user did meanwhile,
 * and without an undo step for each.
 */

import * as vscode from 'vscode';
import { TextDocumentEdit, TextEdit } from 'vscode-languageclient/node';
import type {
  ApplyWorkspaceEditParams,
  ApplyWorkspaceEditRequest,
  ApplyWorkspaceEditResult,
} from 'vscode-languageclient/node';

import type { BusyDocuments } from './busyDocuments';
import type { TrackedDocument, TrackedDocuments } from './trackedDocuments';
import { collapseSelections } from './selections';
import { offsetAt } from '../text';
import type { Replacement } from '../text';

const MOST_ATTEMPTS = 8;
/** How long to wait for the change event that explains why the editor refused an edit. */
const EXPLANATION_MS = 100;

/** One document's edits, made for one version of it. */
interface VersionedEdits {
  uri: string;
  version: number;
  edits: readonly TextEdit[];
}

export class EditApplier {
  constructor(
    private readonly documents: TrackedDocuments,
    private readonly busy: BusyDocuments,
  ) {}

  /** Middleware of `workspace/applyEdit`; what is not an edit of one open document goes the usual way. */
  readonly handle = async (
    params: ApplyWorkspaceEditParams,
    next: ApplyWorkspaceEditRequest.HandlerSignature,
  ): Promise<ApplyWorkspaceEditResult> => {
    const wanted = versionedEdits(params);
    const tracked = wanted && this.documents.track(wanted.uri);
    if (wanted && !tracked) {
      // The usual way would open it again behind the user's back.
      return refusal('the document is not open in the editor');
    }
    if (!wanted || !tracked) {
      return (await next(params, new vscode.CancellationTokenSource().token)) as ApplyWorkspaceEditResult;
    }
    return tracked.inTurn(() => this.apply(tracked, wanted));
  };

  private async apply(tracked: TrackedDocument, wanted: VersionedEdits): Promise<ApplyWorkspaceEditResult> {
    const made = replacementsFor(tracked, wanted);
    if (!made) {
      return refusal(`the edit is for version ${wanted.version}, the document is at ${tracked.document.version}`);
    }
    for (let attempt = 0; attempt < MOST_ATTEMPTS; attempt += 1) {
      await this.busy.over(tracked.document);
      if (tracked.document.isClosed) {
        return refusal('the document was closed');
      }
      if (tracked.isPutAway()) {
        return refusal('the tab of the document was closed');
      }
      if (tracked.isDiscarded) {
        return refusal('the changes of the document were thrown away');
      }
      if (tracked.history.hasUndoSince(wanted.version)) {
        return refusal('something was undone meanwhile');
      }
      const carried = tracked.history.carry(made, wanted.version);
      if (!carried) {
        return refusal('the text to be edited was changed meanwhile');
      }
      const version = tracked.document.version;
      const isHidden = !editorOf(tracked.document); // such an edit is always an undo step of its own
      if (await this.make(tracked, carried)) {
        tracked.streamed(version + 1, isHidden);
        return { applied: true };
      }
      await this.explained(tracked, version);
    }
    return refusal('the editor refused the edit although the document did not change');
  }

  private async make(tracked: TrackedDocument, edits: readonly Replacement[]): Promise<boolean> {
    const { document } = tracked;
    collapseSelections(document, edits.map((edit) => rangeOf(document, edit)));
    const isAfterUser = tracked.history.entries.at(-1)?.author !== 'server';
    return makeEdit(document, edits, { undoStopBefore: tracked.beginsStep || isAfterUser, undoStopAfter: false });
  }

  /** Wait until the document has another version, or for a moment if it never has. */
  private async explained(tracked: TrackedDocument, version: number): Promise<void> {
    if (tracked.document.version !== version) {
      return;
    }
    await new Promise<void>((resolve) => {
      const done = () => {
        clearTimeout(timer);
        subscription.dispose();
        resolve();
      };
      const timer = setTimeout(done, EXPLANATION_MS);
      const subscription = this.documents.onDidChange((changed) => changed === tracked && done());
    });
  }
}

function editorOf(document: vscode.TextDocument): vscode.TextEditor | undefined {
  return vscode.window.visibleTextEditors.find((editor) => editor.document === document);
}

/** Change a document as it is now; false if the editor refuses, most likely because the user was quicker. */
export async function makeEdit(
  document: vscode.TextDocument,
  edits: readonly Replacement[],
  stops: { undoStopBefore: boolean; undoStopAfter: boolean },
): Promise<boolean> {
  const editor = editorOf(document);
  const replace = (builder: vscode.TextEditorEdit) =>
    edits.forEach((edit) => builder.replace(rangeOf(document, edit), edit.text));
  try {
    return await (editor ? editor.edit(replace, stops) : vscode.workspace.applyEdit(workspaceEdit(document, edits)));
  } catch {
    return false; // the tab was closed under the edit
  }
}

function versionedEdits(params: ApplyWorkspaceEditParams): VersionedEdits | undefined {
  const [change, ...others] = params.edit.documentChanges ?? [];
  if (!change || others.length > 0 || !TextDocumentEdit.is(change) || change.textDocument.version === null) {
    return undefined;
  }
  const edits = change.edits.filter((edit): edit is TextEdit => TextEdit.is(edit));
  const { uri, version } = change.textDocument;
  return { uri, version, edits };
}

function replacementsFor(tracked: TrackedDocument, wanted: VersionedEdits): Replacement[] | undefined {
  const { document, history } = tracked;
  if (wanted.version === document.version && document.version === history.version) {
    return wanted.edits.map(({ range, newText }) => ({
      start: document.offsetAt(new vscode.Position(range.start.line, range.start.character)),
      end: document.offsetAt(new vscode.Position(range.end.line, range.end.character)),
      text: newText,
    }));
  }
  const text = history.textAt(wanted.version);
  if (text === undefined) {
    return undefined;
  }
  return wanted.edits.map(({ range, newText }) => ({
    start: offsetAt(text, range.start),
    end: offsetAt(text, range.end),
    text: newText,
  }));
}

function rangeOf(document: vscode.TextDocument, edit: Replacement): vscode.Range {
  return new vscode.Range(document.positionAt(edit.start), document.positionAt(edit.end));
}

function workspaceEdit(document: vscode.TextDocument, edits: readonly Replacement[]): vscode.WorkspaceEdit {
  const edit = new vscode.WorkspaceEdit();
  edit.set(
    document.uri,
    edits.map((each) => vscode.TextEdit.replace(rangeOf(document, each), each.text)),
  );
  return edit;
}

function refusal(failureReason: string): ApplyWorkspaceEditResult {
  return { applied: false, failureReason };
}
