/** Pure: what became of one document while code streams into it, and who did it. */

import { rebaseAll } from './rebase';
import type { Change } from './rebase';
import { segmentsAfter } from './segments';
import type { Author, Segment } from './segments';
import { replaced } from '../text';
import type { Replacement } from '../text';

/** A change as the editor reports it; each counts in the text that the one before it left. */
export interface ReportedChange {
  rangeOffset: number;
  rangeLength: number;
  text: string;
}

/** A text that is costly to have as a whole; a string is one. */
export interface LazyText {
  readonly length: number;
  toString(): string;
}

export interface Entry {
  version: number;
  author: Author;
  changes: readonly Change[];
  /** Whether it was an undo or a redo of the editor's. */
  isUndo: boolean;
}

export class DocumentHistory {
  readonly base: string;
  readonly entries: Entry[] = [];
  /** Whether something happened that this record cannot tell in terms of its own, such as an undo. */
  isUnclear = false;
  private firstVersion: number;
  private latest: string;
  private latestVersion: number;

  constructor(version: number, text: string) {
    this.base = text;
    this.latest = text;
    this.firstVersion = version;
    this.latestVersion = version;
  }

  get text(): string {
    return this.latest;
  }

  get version(): number {
    return this.latestVersion;
  }

  /**
   * Take a change event; `actual` is the document's text after it, of which only the length is looked at unless
   * that differs from what the changes lead to.
   */
  record(version: number, reported: readonly ReportedChange[], actual: LazyText, isUndo = false): void {
    const changes: Change[] = [];
    let current = this.latest;
    for (const each of reported) {
      const end = each.rangeOffset + each.rangeLength;
      changes.push({ offset: each.rangeOffset, removed: current.slice(each.rangeOffset, end), text: each.text });
      current = replaced(current, [{ start: each.rangeOffset, end, text: each.text }]);
    }
    if (current.length === actual.length) {
      this.entries.push({ version, author: 'user', changes, isUndo });
    } else {
      this.startAnew(version);
      current = actual.toString();
    }
    this.latest = current;
    this.latestVersion = version;
  }

  /** Say that the change which led to a version was an edit of the server's. */
  markServers(version: number): void {
    const entry = this.entries.findLast((each) => each.version === version);
    if (entry) {
      entry.author = 'server';
    }
  }

  /** Who made the change before the one that led to a version. */
  authorBefore(version: number): Author | undefined {
    return this.entries.findLast((entry) => entry.version < version)?.author;
  }

  /** The text as it was at a version, or undefined if that is not known. */
  textAt(version: number): string | undefined {
    if (version < this.firstVersion || version > this.latestVersion) {
      return undefined;
    }
    const later = this.entries.filter((entry) => entry.version > version).reverse();
    return later.flatMap((entry) => [...entry.changes].reverse()).reduce(takeBack, this.latest);
  }

  /** Carry edits made for a version to the latest one; undefined if what they touch has changed since. */
  carry(edits: readonly Replacement[], version: number): Replacement[] | undefined {
    if (version === this.latestVersion) {
      return [...edits];
    }
    const changes = this.entries.filter((entry) => entry.version > version).flatMap((entry) => entry.changes);
    const segments = this.segmentsUpTo(version);
    const continues = (edit: Replacement) =>
      segments?.some((segment) => segment.end === edit.start && segment.start < segment.end) ?? true;
    return rebaseAll(edits, changes, (edit) => !continues(edit));
  }

  /** The server's stretches of the text at a version; undefined once a user changed one of them. */
  segmentsUpTo(version: number): readonly Segment[] | undefined {
    let segments: readonly Segment[] | undefined = [];
    for (const entry of this.entries) {
      if (entry.version <= version) {
        for (const change of entry.changes) {
          segments = segments && segmentsAfter(segments, change, entry.author);
        }
      }
    }
    return segments;
  }

  /** Whether something was undone or done again since a version. */
  hasUndoSince(version: number): boolean {
    return this.entries.some((entry) => entry.version > version && entry.isUndo);
  }

  private startAnew(version: number): void {
    this.entries.length = 0;
    this.firstVersion = version;
    this.isUnclear = true;
  }
}

function takeBack(text: string, change: Change): string {
  const end = change.offset + change.text.length;
  return replaced(text, [{ start: change.offset, end, text: change.removed }]);
}
