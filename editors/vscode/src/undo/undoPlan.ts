/**
 * Pure: how a document's undo steps are to be, once code has streamed into it.
 *
 * The editor starts an undo step whenever the caret moves, the file is saved or the user types, so streamed
 * code ends up in many. The plan says what to go back to and what to do again from there: what the user did
 * meanwhile as one step, and each stretch of generated code as one.
 */

import type { DocumentHistory, Entry } from './documentHistory';
import type { Change } from './rebase';
import type { Segment } from './segments';
import { difference, replaced } from '../text';
import type { Replacement } from '../text';

export interface UndoPlan {
  /** The text before the first edit of the server's. */
  base: string;
  /** Each is one undo step; it counts in the text that the one before it leaves. */
  steps: readonly Replacement[];
  /** The text when the last of the code had come, and as the steps lead to. */
  final: string;
  /** No more undos than this lead back to the base; more would undo what was there before. */
  mostUndos: number;
  /** So many undos are most likely needed: the editor's own count is not told. */
  likelyUndos: number;
}

/** Return the plan, or undefined where the steps are right as they are or cannot be told apart. */
export function planUndoSteps(history: DocumentHistory, splits: number): UndoPlan | undefined {
  const streamed = entriesWhileStreaming(history.entries);
  const [first, last] = [streamed[0], streamed.at(-1)];
  if (history.isUnclear || !first || !last) {
    return undefined;
  }
  const base = history.textAt(first.version - 1) ?? history.base;
  const end = history.textAt(last.version);
  const segments = history.segmentsUpTo(last.version);
  const typedMeanwhile = streamed.some((entry) => entry.author === 'user');
  if (end === undefined || !segments || !(splits > 0 || typedMeanwhile || segments.length > 1)) {
    return undefined;
  }
  const typed = difference(base, withoutSegments(end, segments));
  const editorsSteps = streamed.filter((entry, index) => beginsStep(entry, streamed[index - 1])).length + splits;
  return {
    base,
    steps: [...(typed ? [typed] : []), ...segmentSteps(end, segments)],
    final: end,
    mostUndos: streamed.length,
    likelyUndos: Math.min(editorsSteps, streamed.length),
  };
}

function entriesWhileStreaming(entries: readonly Entry[]): readonly Entry[] {
  const isServers = (entry: Entry) => entry.author === 'server';
  return entries.slice(entries.findIndex(isServers), entries.findLastIndex(isServers) + 1);
}

/**
 * Whether the editor has most likely begun an undo step with a change: when the user and the server took turns, when
 * the user went on elsewhere, and with each word. (Of the server's own changes `splits` tells.)
 */
function beginsStep({ author, changes }: Entry, before: Entry | undefined): boolean {
  if (author !== before?.author) {
    return true;
  }
  const [typed, former] = [changes[0], before.changes[0]];
  if (author === 'server' || changes.length > 1 || !typed || !former) {
    return false;
  }
  const goesOn = typed.removed === '' && former.removed === '' && typed.offset === former.offset + former.text.length;
  return goesOn ? typed.text === ' ' && !/\s$/.test(former.text) : !isDeletion(typed) || !isDeletion(former);
}

function isDeletion({ text }: Change): boolean {
  return text === '';
}

function withoutSegments(text: string, segments: readonly Segment[]): string {
  return replaced(text, segments.map(({ start, end, original }) => ({ start, end, text: original })));
}

function segmentSteps(text: string, segments: readonly Segment[]): Replacement[] {
  return segments.map(({ start, end, original }) => ({
    // The segments before this one stand already, those behind it do not matter.
    start,
    end: start + original.length,
    text: text.slice(start, end),
  }));
}
