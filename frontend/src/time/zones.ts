/**
 * Wall clocks and zones: which instant a wall-clock time names in a zone, and back.
 * Knows the browser's zone tables; not how times are shown (`format`).
 */

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;

/** A date and time of day without a zone, as `datetime-local` has it: `2030-01-31T09:30:00`. */
export type WallClock = string;

/** What a wall-clock time is in a zone: some are skipped by a transition, some come twice. */
export interface Resolved {
  /** Milliseconds since the epoch; of a skipped time, the transition; of a repeated, the first. */
  instant: number;
  kind: 'exact' | 'skipped' | 'repeated';
}

const readers = new Map<string, Intl.DateTimeFormat>();

function reader(zone: string): Intl.DateTimeFormat {
  let found = readers.get(zone);
  if (!found) {
    found = new Intl.DateTimeFormat('en-GB', {
      timeZone: zone,
      calendar: 'iso8601',
      numberingSystem: 'latn',
      hourCycle: 'h23',
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
      hour: '2-digit',
      minute: '2-digit',
      second: '2-digit',
    });
    readers.set(zone, found);
  }
  return found;
}

export function viewerZone(): string {
  return new Intl.DateTimeFormat().resolvedOptions().timeZone || 'UTC';
}

export function isKnownZone(zone: string): boolean {
  try {
    reader(zone);
    return true;
  } catch {
    return false;
  }
}

let zones: readonly string[] | undefined;

/** Every zone the browser knows by name, UTC included. */
export function allZones(): readonly string[] {
  zones ??= [...new Set(['UTC', ...Intl.supportedValuesOf('timeZone')])].sort();
  return zones;
}

/** What the clocks in a zone show at an instant. */
export function wallClockOf(instant: number, zone: string): WallClock {
  const part: Partial<Record<Intl.DateTimeFormatPartTypes, string>> = {};
  for (const { type, value } of reader(zone).formatToParts(instant)) {
    part[type] = value;
  }
  const year = (part.year ?? '').padStart(4, '0');
  return `${year}-${part.month}-${part.day}T${part.hour}:${part.minute}:${part.second}`;
}

/** How far the clocks of a zone are ahead of UTC at an instant, in milliseconds. */
function offsetAt(instant: number, zone: string): number {
  const whole = Math.floor(instant / 1000) * 1000;
  return Date.parse(`${wallClockOf(whole, zone)}Z`) - whole;
}

/** Which instant a wall-clock time names; undefined where the text is no complete time. */
export function resolveWallClock(wall: WallClock, zone: string): Resolved | undefined {
  const asUtc = Date.parse(`${wall}Z`);
  if (Number.isNaN(asUtc) || !isKnownZone(zone)) {
    return undefined;
  }
  const before = offsetAt(asUtc - DAY_MS, zone);
  const after = offsetAt(asUtc + DAY_MS, zone);
  const candidates = [...new Set([asUtc - before, asUtc - after])]
    .filter((instant) => instant + offsetAt(instant, zone) === asUtc)
    .sort((a, b) => a - b);
  const [first, second] = candidates;
  if (first === undefined) {
    return { instant: transition(asUtc - DAY_MS, asUtc + DAY_MS, zone), kind: 'skipped' };
  }
  return { instant: first, kind: second === undefined ? 'exact' : 'repeated' };
}

/** The minute at which a zone's offset changes between two instants. */
function transition(from: number, to: number, zone: string): number {
  const start = offsetAt(from, zone);
  let low = Math.floor(from / MINUTE_MS);
  let high = Math.ceil(to / MINUTE_MS);
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (offsetAt(middle * MINUTE_MS, zone) === start) {
      low = middle;
    } else {
      high = middle;
    }
  }
  return high * MINUTE_MS;
}
