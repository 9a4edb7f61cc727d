/**
 * Times as people read them, always with their zone; durations as the API's log lines word them.
 * Knows words and digits; not what time it is: `now` is an argument.
 */

const SECOND = 1;
const MINUTE = 60;
const HOUR = 3_600;
const DAY = 86_400;

const formats = new Map<string, Intl.DateTimeFormat>();

function format(zone: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = `${zone} ${Object.keys(options).join()} ${Object.values(options).join()}`;
  let found = formats.get(key);
  if (!found) {
    found = new Intl.DateTimeFormat('en-GB', { timeZone: zone, hourCycle: 'h23', ...options });
    formats.set(key, found);
  }
  return found;
}

/** `14:03:00` */
export function timeOfDay(instant: number, zone: string): string {
  return format(zone, { hour: '2-digit', minute: '2-digit', second: '2-digit' }).format(instant);
}

/** `CET`, `GMT-5`, `UTC`: the zone's name at this instant. */
export function zoneName(instant: number, zone: string): string {
  if (zone === 'UTC') {
    return 'UTC';
  }
  const parts = format(zone, { timeZoneName: 'short' }).formatToParts(instant);
  return parts.find((part) => part.type === 'timeZoneName')?.value ?? zone;
}

function year(instant: number, zone: string): string {
  return format(zone, { year: 'numeric' }).format(instant);
}

/** `24 Nov 14:03:00 CET`; with the year where it is not the current one. */
export function shortInstant(instant: number, zone: string, now: number): string {
  const other = year(instant, zone) !== year(now, zone);
  const date = format(zone, {
    day: 'numeric',
    month: 'short',
    ...(other && { year: 'numeric' }),
  }).format(instant);
  return `${date} ${timeOfDay(instant, zone)} ${zoneName(instant, zone)}`;
}

/** `Tue, 24 Nov 2026, 14:03:00 CET` */
export function longInstant(instant: number, zone: string): string {
  const date = format(zone, {
    weekday: 'short',
    day: 'numeric',
    month: 'short',
    year: 'numeric',
  }).format(instant);
  return `${date}, ${timeOfDay(instant, zone)} ${zoneName(instant, zone)}`;
}

function counted(seconds: number): string {
  const whole = Math.floor(seconds);
  if (whole < MINUTE) {
    return `${whole} s`;
  }
  if (whole < 10 * MINUTE) {
    return joined(Math.floor(whole / MINUTE), 'min', whole % MINUTE, 's');
  }
  if (whole < HOUR) {
    return `${Math.floor(whole / MINUTE)} min`;
  }
  if (whole < DAY) {
    return joined(Math.floor(whole / HOUR), 'h', Math.floor((whole % HOUR) / MINUTE), 'min');
  }
  const days = Math.floor(whole / DAY);
  return days === 1 ? '1 day' : `${days.toLocaleString('en')} days`;
}

function joined(large: number, largeUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${large} ${largeUnit}` : `${large} ${largeUnit} ${small} ${smallUnit}`;
}

/** `in 4 min 12 s`, `now`, `2 h ago`. */
export function relative(instant: number, now: number): string {
  const seconds = (instant - now) / 1000;
  if (Math.abs(seconds) < SECOND) {
    return 'now';
  }
  return seconds > 0 ? `in ${counted(seconds)}` : `${counted(-seconds)} ago`;
}

/** `4 min 12 s`: how long something has been going on. */
export function elapsed(since: number, now: number): string {
  return counted(Math.max(0, now - since) / 1000);
}

/** `312 µs`, `4.2 ms`, `1.5 s`, `2 min 5 s`, `3 h 20 min`: the words of the API's log lines. */
export function duration(seconds: number): string {
  const size = Math.max(0, seconds);
  if (size < 0.000_999_5) {
    return `${Math.round(size * 1e6)} µs`;
  }
  if (size < 0.009_95) {
    return `${(size * 1e3).toFixed(1).replace('.0', '')} ms`;
  }
  if (size < 0.999_5) {
    return `${Math.round(size * 1e3)} ms`;
  }
  if (size < 9.95) {
    return `${size.toFixed(1).replace('.0', '')} s`;
  }
  if (size < MINUTE - 0.5) {
    return `${Math.round(size)} s`;
  }
  if (size < HOUR - 0.5) {
    const rounded = Math.round(size);
    return joined(Math.floor(rounded / MINUTE), 'min', rounded % MINUTE, 's');
  }
  const minutes = Math.round(size / MINUTE);
  return joined(Math.floor(minutes / MINUTE), 'h', minutes % MINUTE, 'min');
}

/** How late a run was, in words. */
export function lateness(seconds: number): string {
  return seconds > 0 ? `${duration(seconds)} late` : 'on time';
}
