/**
 * The server's clock as seen from here. Every answer's `Date` (whole seconds) bounds how far it is
 * ahead of the browser's clock; the bounds of several answers are intersected.
 * Knows arithmetic; not the browser's clock: times are arguments.
 */

const SECOND_MS = 1000;
/** Within this much the clocks count as equal: the best that whole seconds let one see. */
const EQUAL_MS = 1000;

export interface ServerClock {
  /** The server is at least this far ahead, in milliseconds. */
  low: number;
  /** And at most this far. */
  high: number;
}

/** Learns from one answer. Where it contradicts what was known, a clock was set: start anew. */
export function learn(
  known: ServerClock | null,
  sentAt: number,
  receivedAt: number,
  date: string | null,
): ServerClock | null {
  const said = date === null ? Number.NaN : Date.parse(date);
  if (Number.isNaN(said)) {
    return known;
  }
  const seen = { low: said - receivedAt, high: said + SECOND_MS - sentAt };
  if (!known) {
    return seen;
  }
  const both = { low: Math.max(known.low, seen.low), high: Math.min(known.high, seen.high) };
  return both.low > both.high ? seen : both;
}

/** How far the server's clock is ahead, in milliseconds; 0 where the clocks may well be equal. */
export function offsetMs(known: ServerClock | null): number {
  if (!known || (known.low <= EQUAL_MS && known.high >= -EQUAL_MS)) {
    return 0;
  }
  return Math.round((known.low + known.high) / 2);
}
