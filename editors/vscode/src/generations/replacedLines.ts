/** Pure: what of the text that is replaced is still there, and what stood where the new lines grow. */

/** How much at the end of a growing text is of the old one still, in whole lines. */
export function leftOf(old: string, text: string): number {
  const limit = Math.min(old.length, text.length);
  let left = 0;
  while (left < limit && old[old.length - 1 - left] === text[text.length - 1 - left]) {
    left += 1;
  }
  if (left === old.length) {
    return left;
  }
  const firstLine = old.indexOf('\n', old.length - left) + 1;
  return firstLine > 0 ? old.length - firstLine : 0;
}

/** For each growing line, what stood in its place; the last one tells how many lines are without one. */
export function besides(gone: string, growingLines: number): string[] {
  if (gone.trim() === '') {
    return [];
  }
  const lines = gone.replace(/(\r\n|\r|\n)$/, '').split(/\r\n|\r|\n/);
  const others = lines.length - growingLines;
  return lines.slice(0, growingLines).map((line, index) => {
    const isLast = index === growingLines - 1 && others > 0;
    return `${line.trim()}${isLast ? ` … ${others} more ${others === 1 ? 'line' : 'lines'}` : ''}`;
  });
}

/** Where generated code stands, in offsets. */
export interface Region {
  start: number;
  end: number;
}

/** The region after a change of the text; what is put in at its borders counts as its own until the server says. */
export function movedBy(
  { start, end }: Region,
  { rangeOffset, rangeLength, text }: { rangeOffset: number; rangeLength: number; text: string },
): Region {
  const changeEnd = rangeOffset + rangeLength;
  const growth = text.length - rangeLength;
  if (rangeOffset > end) {
    return { start, end };
  }
  if (changeEnd < start || (changeEnd === start && rangeLength > 0)) {
    return { start: start + growth, end: end + growth };
  }
  return { start: Math.min(start, rangeOffset), end: Math.max(end, changeEnd) + growth };
}
