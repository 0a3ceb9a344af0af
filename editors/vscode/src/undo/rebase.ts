/** Pure: carries an edit over changes that a document has seen since the edit was made. */

import type { Replacement } from '../text';

/** One change that was made to a text. */
export interface Change {
  offset: number;
  removed: string;
  text: string;
}

/**
 * Return the edit as it is to be made after the change, or undefined if both touch the same text.
 *
 * Text that was typed exactly where the edit inserts stays behind the inserted text, or goes before it
 * where `yields` says so: that is how the server moves its regions too.
 */
export function rebase(edit: Replacement, change: Change, yields: boolean): Replacement | undefined {
  const changeEnd = change.offset + change.removed.length;
  const growth = change.text.length - change.removed.length;
  const isInsertion = edit.start === edit.end;
  const touchesInsertion = isInsertion && changeEnd === edit.start && change.removed === '';
  if (touchesInsertion ? yields : changeEnd <= edit.start) {
    return { start: edit.start + growth, end: edit.end + growth, text: edit.text };
  }
  return change.offset >= edit.end ? edit : undefined;
}

/** Carry edits over changes, in the order in which these were made; undefined if one cannot be. */
export function rebaseAll(
  edits: readonly Replacement[],
  changes: readonly Change[],
  yields: (edit: Replacement) => boolean,
): Replacement[] | undefined {
  const carried: Replacement[] = [];
  for (const edit of edits) {
    const goesBehind = yields(edit);
    let current: Replacement | undefined = edit;
    for (const change of changes) {
      current = current && rebase(current, change, goesBehind);
    }
    if (!current) {
      return undefined;
    }
    carried.push(current);
  }
  return carried;
}
