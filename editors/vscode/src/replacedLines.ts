/** Pure: which of the lines that are replaced stand beside the lines that grow in their place. */

/** Whether the text that is to be replaced is there yet. */
export function isStillThere(old: string, text: string): boolean {
  return old.trim() !== '' && old === text;
}

/** For each growing line, what stood in its place; the last one tells how many lines are still without one. */
export function besides(old: string, growingLines: number): string[] {
  const lines = old.replace(/(\r\n|\r|\n)$/, '').split(/\r\n|\r|\n/);
  if (old.trim() === '') {
    return [];
  }
  const left = lines.length - growingLines;
  return lines.slice(0, growingLines).map((line, index) => {
    const isLast = index === growingLines - 1 && left > 0;
    return `${line.trim()}${isLast ? ` … ${left} more ${left === 1 ? 'line' : 'lines'}` : ''}`;
  });
}
