/** Pure: how long to wait before a server that crashed is started again. */

const WAITS_MS = [1_000, 2_000, 4_000, 8_000, 16_000];
/** A server that ran so long counts as healthy again. */
const FORGOTTEN_AFTER_MS = 180_000;

export class RestartBudget {
  private crashedAt: number[] = [];

  /** Take a crash; return the wait, or undefined if there have been too many. */
  next(nowMs: number): number | undefined {
    this.crashedAt = this.crashedAt.filter((at) => nowMs - at < FORGOTTEN_AFTER_MS);
    this.crashedAt.push(nowMs);
    return WAITS_MS[this.crashedAt.length - 1];
  }
}
