/** Pure: whether a place is likely to be at a comment, without knowing the language. */

/** As many blank lines may stand between a comment and the place that it is for as the server allows. */
const MOST_BLANK_LINES = 3;
const BEGINS_COMMENT = /^\s*(#(?!!|\[|include\b|define\b)|\/\/|\/\*|\*|--|;|%|<!--|"""|'''|rem\b|')/i;
const TRAILING_COMMENT = /\s(#|\/\/|--)\s/;

/** Tell whether there is what looks like a comment on a line, or above it behind nothing but blank lines. */
export function looksLikeComment(lineAt: (line: number) => string, line: number): boolean {
  if (TRAILING_COMMENT.test(lineAt(line))) {
    return true;
  }
  let at = line;
  while (at > 0 && at > line - MOST_BLANK_LINES - 1 && lineAt(at).trim() === '') {
    at -= 1;
  }
  return BEGINS_COMMENT.test(lineAt(at)) || (at === line && line > 0 && BEGINS_COMMENT.test(lineAt(line - 1)));
}
