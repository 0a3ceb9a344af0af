/** Pure text: offsets, replacements and differences. Offsets count UTF-16 code units, as VS Code does. */

export interface Place {
  line: number;
  character: number;
}

/** Replace `[start, end)` of a text. */
export interface Replacement {
  start: number;
  end: number;
  text: string;
}

/** Return the offset of a position; past the end of a line is its end, past the last line the text's end. */
export function offsetAt(text: string, place: Place): number {
  let start = 0;
  for (let line = 0; line < place.line; line += 1) {
    const next = lineEnd(text, start);
    if (next === text.length) {
      return text.length;
    }
    start = next + (text.startsWith('\r\n', next) ? 2 : 1);
  }
  return Math.min(start + place.character, lineEnd(text, start));
}

/** Return the position of an offset. */
export function placeAt(text: string, offset: number): Place {
  const lines = text.slice(0, offset).split(/\r\n|\r|\n/);
  return { line: lines.length - 1, character: lines.at(-1)?.length ?? 0 };
}

function lineEnd(text: string, from: number): number {
  let end = from;
  while (end < text.length && text[end] !== '\n' && text[end] !== '\r') {
    end += 1;
  }
  return end;
}

/** Apply replacements that do not overlap, all counted in the text before any of them. */
export function replaced(text: string, replacements: readonly Replacement[]): string {
  const parts: string[] = [];
  let done = 0;
  for (const each of [...replacements].sort((a, b) => a.start - b.start || a.end - b.end)) {
    parts.push(text.slice(done, each.start), each.text);
    done = each.end;
  }
  parts.push(text.slice(done));
  return parts.join('');
}

/** Return the one smallest replacement between two texts, or undefined if they are equal. */
export function difference(before: string, after: string): Replacement | undefined {
  if (before === after) {
    return undefined;
  }
  const limit = Math.min(before.length, after.length);
  let prefix = 0;
  while (prefix < limit && before.charCodeAt(prefix) === after.charCodeAt(prefix)) {
    prefix += 1;
  }
  let suffix = 0;
  while (
    suffix < limit - prefix &&
    before.charCodeAt(before.length - 1 - suffix) === after.charCodeAt(after.length - 1 - suffix)
  ) {
    suffix += 1;
  }
  return whole(before, after, prefix, suffix);
}

/** Widen a difference that begins or ends within a line break or a surrogate pair. */
function whole(before: string, after: string, prefix: number, suffix: number): Replacement {
  let start = prefix;
  let tail = suffix;
  if (start > 0 && (isSplit(before, start) || isSplit(after, start))) {
    start -= 1;
  }
  if (tail > 0 && (isSplit(before, before.length - tail) || isSplit(after, after.length - tail))) {
    tail -= 1;
  }
  return { start, end: before.length - tail, text: after.slice(start, after.length - tail) };
}

function isSplit(text: string, at: number): boolean {
  const pair = text.slice(at - 1, at + 1);
  return pair === '\r\n' || /^[\ud800-\udbff][\udc00-\udfff]$/.test(pair);
}
