/** Pure: which stretches of a text the server wrote, and what stood there before. */

import type { Change } from './rebase';

export type Author = 'user' | 'server';

export interface Segment {
  start: number;
  end: number;
  /** What a text without this segment has in its place. */
  original: string;
}

/** Return the segments after a change, in order; undefined if a user changed one of them. */
export function segmentsAfter(
  segments: readonly Segment[],
  change: Change,
  author: Author,
): readonly Segment[] | undefined {
  return author === 'server' ? afterServer(segments, change) : afterUser(segments, change);
}

function afterUser(segments: readonly Segment[], change: Change): readonly Segment[] | undefined {
  const end = change.offset + change.removed.length;
  const growth = change.text.length - change.removed.length;
  const moved: Segment[] = [];
  for (const segment of segments) {
    if (end <= segment.start) {
      moved.push({ ...segment, start: segment.start + growth, end: segment.end + growth });
    } else if (change.offset >= segment.end) {
      moved.push(segment);
    } else {
      return undefined;
    }
  }
  return moved;
}

function afterServer(segments: readonly Segment[], change: Change): readonly Segment[] {
  const end = change.offset + change.removed.length;
  const growth = change.text.length - change.removed.length;
  const before = segments.filter((segment) => segment.end < change.offset);
  const touched = segments.filter((segment) => segment.end >= change.offset && segment.start <= end);
  const after = segments.filter((segment) => segment.start > end);
  const merged: Segment = {
    start: Math.min(change.offset, ...touched.map((segment) => segment.start)),
    end: Math.max(end, ...touched.map((segment) => segment.end)) + growth,
    original: originalOf(touched, change),
  };
  const moved = after.map((segment) => ({ ...segment, start: segment.start + growth, end: segment.end + growth }));
  return [...before, ...(isNothing(merged) ? [] : [merged]), ...moved];
}

function isNothing(segment: Segment): boolean {
  return segment.start === segment.end && segment.original === '';
}

/** What stood in the union of a change and the segments it touches before the server wrote there. */
function originalOf(touched: readonly Segment[], change: Change): string {
  const parts: string[] = [];
  let done = change.offset;
  for (const segment of touched) {
    parts.push(change.removed.slice(done - change.offset, Math.max(segment.start, done) - change.offset));
    parts.push(segment.original);
    done = Math.max(done, segment.end);
  }
  parts.push(change.removed.slice(done - change.offset));
  return parts.join('');
}
