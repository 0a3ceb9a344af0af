/** Pure: where a key may be sent. */

/** Return scheme, host and port of an address; an address that cannot be read is its own origin. */
export function originOf(address: string): string {
  try {
    return new URL(address).origin;
  } catch {
    return address;
  }
}
