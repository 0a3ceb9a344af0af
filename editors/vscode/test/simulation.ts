/** A document that a server and a user write into, and a small seeded generator of random numbers. */

import { DocumentHistory } from '../src/undo/documentHistory';
import { replaced } from '../src/text';
import type { Replacement } from '../src/text';

export class SimulatedDocument {
  version = 1;
  history: DocumentHistory;

  constructor(public text: string) {
    this.history = new DocumentHistory(1, text);
  }

  /** Make one change event; VS Code reports several replacements from the last one to the first. */
  change(replacements: readonly Replacement[], author: 'user' | 'server' = 'user'): void {
    const reported = [...replacements]
      .sort((a, b) => b.start - a.start)
      .map(({ start, end, text }) => ({ rangeOffset: start, rangeLength: end - start, text }));
    this.text = replaced(this.text, replacements);
    this.version += 1;
    this.history.record(this.version, reported, this.text);
    if (author === 'server') {
      this.history.markServers(this.version);
    }
  }

  type(offset: number, text: string): void {
    this.change([{ start: offset, end: offset, text }]);
  }

  stream(offset: number, text: string, removing = 0): void {
    this.change([{ start: offset, end: offset + removing, text }], 'server');
  }
}

/** Return a function that gives whole numbers from 0 up to a limit, the same ones for the same seed. */
export function seeded(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
}
