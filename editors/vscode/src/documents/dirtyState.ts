/** Pure: tells from what the editor reports of a document whether its changes were thrown away. */

/** One report: a change of the text, or only of whether it differs from what is on disk. */
export interface DirtyReport {
  version: number;
  isDirty: boolean;
  /** Whether the text changed. */
  isChange: boolean;
  isUndo: boolean;
}

/** The changes were thrown away; or they were to be, and an edit made meanwhile has undone that. */
export type Discard = 'done' | 'undone';

/**
 * A document's changes are thrown away when its tab is closed without saving, or by "Revert File".
 *
 * The editor then takes the document for clean, reads its file, and goes back to what that holds, unless the text
 * changed while it was reading: then the document is dirty again, and its tab stays open. It tells an extension
 * nothing of this but the end, so there are two signs. A change that is neither an undo nor a redo has made the
 * document clean: the text of the file was taken. Or a document that was dirty is said to have become dirty: it was
 * clean in between. The editor says so before it tells of the edit that did it, or after it.
 */
export class DirtyState {
  private hasJustBecomeClean = false;

  constructor(
    private version: number,
    private isDirty: boolean,
  ) {}

  /** Take a report; return what it says of the changes being thrown away, if anything. */
  take({ version, isDirty, isChange, isUndo }: DirtyReport): Discard | undefined {
    const wasDirty = this.isDirty;
    const saysDirtyAgain = version === this.version && !isChange && isDirty && (wasDirty || this.hasJustBecomeClean);
    this.hasJustBecomeClean = wasDirty && !isDirty && isChange && !isUndo;
    this.version = version;
    this.isDirty = isDirty;
    if (saysDirtyAgain) {
      return 'undone';
    }
    return this.hasJustBecomeClean ? 'done' : undefined;
  }
}
