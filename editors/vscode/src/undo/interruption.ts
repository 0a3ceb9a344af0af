/** Pure: what a user does to a text while its undo steps are being put in order. */

import { difference, replaced } from '../text';

export class Interruption {
  private actual: string;
  private wanted: string;
  private expected: string | undefined;
  private happened = false;

  /** The text is the one to come back to, and the one it is now. */
  constructor(text: string) {
    this.actual = text;
    this.wanted = text;
  }

  get hasHappened(): boolean {
    return this.happened;
  }

  /** The text as it is. */
  get text(): string {
    return this.actual;
  }

  /** The text to come back to, with what the user did on the way to it. */
  get goal(): string {
    return this.wanted;
  }

  /** Say which text an edit of our own is about to lead to. */
  expect(text: string): void {
    this.expected = text;
  }

  /**
   * Take a change. An undo or a redo is always our own: one that comes after the user has typed takes back what was typed,
   * since it was on its way already, and that is not to be lost.
   */
  take(text: string, isUndo: boolean): void {
    if (!isUndo && text !== this.expected) {
      this.happened = true;
      this.wanted = mergedInto(this.wanted, this.actual, text);
    }
    this.actual = text;
  }
}

/**
 * Return the text that a user's change leads to in `goal`, though it was made in `before`, on the way to it.
 *
 * Nothing that was typed is lost: where it stands in text that was still to be replaced, it goes before that.
 */
export function mergedInto(goal: string, before: string, current: string): string {
  const typed = difference(before, current);
  const pending = difference(before, goal);
  if (!typed || !pending) {
    return pending ? goal : current;
  }
  if (typed.end <= pending.start || typed.start >= pending.end) {
    return replaced(before, [pending, typed]);
  }
  return replaced(before, [{ ...pending, text: typed.text + pending.text }]);
}
