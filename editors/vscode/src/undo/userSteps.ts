/**
 * Pure: what undoing the user's own last step means while code streams in.
 *
 * The editor knows one order of steps, and while code streams the last one is most often the server's. So the user's
 * last step is looked for in the record of the document, and an edit is made that takes back this step only.
 */

import type { DocumentHistory, Entry } from './documentHistory';
import { rebaseAll } from './rebase';
import type { Change } from './rebase';
import type { Replacement } from '../text';

/** Some changes of the user's, and what takes them back in the text as it is. */
export interface UserStep {
  entries: readonly Entry[];
  edits: readonly Replacement[];
}

/** Return the user's last step that is not among those left out, or undefined if there is none that can be undone. */
export function lastUserStep(history: DocumentHistory, leftOut: ReadonlySet<Entry>): UserStep | undefined {
  const entries: Entry[] = [];
  const edits: Replacement[] = [];
  for (let index = history.entries.length - 1; index >= 0; index -= 1) {
    const entry = history.entries[index];
    if (entry?.author !== 'user' || leftOut.has(entry)) {
      continue;
    }
    const inverse = takenBack(history.entries.slice(index + 1), entry);
    if (!inverse || entry.isUndo || (entries.length > 0 && !continues(entry, inverse, entries, edits))) {
      break;
    }
    entries.unshift(entry);
    edits.unshift(...inverse);
  }
  return entries.length > 0 ? { entries, edits: joined(edits) } : undefined;
}

/** Make one edit of those that follow each other directly: taken back, several would come in another order. */
function joined(edits: readonly Replacement[]): readonly Replacement[] {
  const [first, last] = [edits[0], edits.at(-1)];
  const isRun = edits.every((edit, index) => index === 0 || edit.start === edits[index - 1]?.end);
  return first && last && isRun ? [{ start: first.start, end: last.end, text: edits.map(({ text }) => text).join('') }] : edits;
}

/** The edits that take back an entry once others have followed, or undefined if these touched what it wrote. */
export function takenBack(later: readonly Entry[], entry: Entry): Replacement[] | undefined {
  const since: Change[] = later.flatMap(({ changes }) => changes);
  const edits: Replacement[] = [];
  entry.changes.forEach(({ offset, removed, text }, index) => {
    const inverse = { start: offset, end: offset + text.length, text: removed };
    const carried = rebaseAll([inverse], [...entry.changes.slice(index + 1), ...since], () => false);
    edits.push(...(carried ?? []));
  });
  return edits.length === entry.changes.length ? edits : undefined;
}

/** Whether an entry was typed right before others, and is the same word: the editor's steps are words too. */
function continues(entry: Entry, inverse: readonly Replacement[], entries: readonly Entry[], edits: readonly Replacement[]): boolean {
  const [own, next] = [inverse[0], edits[0]];
  const typed = entries.flatMap(({ changes }) => changes.map(({ text }) => text)).join('');
  const text = entry.changes[0]?.text ?? '';
  return (
    entry.changes.length === 1 &&
    entries.every(({ changes }) => changes.length === 1 && changes[0]?.removed === '') &&
    entry.changes[0]?.removed === '' &&
    own !== undefined &&
    own.end === next?.start &&
    (/^\s*$/.test(text) || !/^\s/.test(typed))
  );
}
