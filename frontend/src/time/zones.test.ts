import { describe, expect, test } from 'vitest';
import { resolveWallClock, wallClockOf } from './zones';

const instant = (iso: string): number => Date.parse(iso);

describe('resolveWallClock', () => {
  test.each([
    ['2026-11-24T14:03:00', 'Europe/Berlin', '2026-11-24T13:03:00Z', 'exact'],
    ['2026-07-01T09:00', 'America/New_York', '2026-07-01T13:00:00Z', 'exact'],
    ['2026-07-01T09:00', 'Asia/Kathmandu', '2026-07-01T03:15:00Z', 'exact'],
    ['2026-07-01T00:00', 'UTC', '2026-07-01T00:00:00Z', 'exact'],
    // The clocks go forward: the time is skipped, the transition is meant.
    ['2026-03-29T02:30', 'Europe/Berlin', '2026-03-29T01:00:00Z', 'skipped'],
    ['2026-10-04T02:15', 'Australia/Lord_Howe', '2026-10-03T15:30:00Z', 'skipped'],
    // The clocks go back: the time comes twice, the first is meant.
    ['2026-10-25T02:30', 'Europe/Berlin', '2026-10-25T00:30:00Z', 'repeated'],
    ['2026-11-01T01:30', 'America/New_York', '2026-11-01T05:30:00Z', 'repeated'],
    // Samoa left out a whole day.
    ['2011-12-30T12:00', 'Pacific/Apia', '2011-12-30T10:00:00Z', 'skipped'],
  ])('%s in %s is %s (%s)', (wall, zone, wanted, kind) => {
    expect(resolveWallClock(wall, zone)).toEqual({ instant: instant(wanted), kind });
  });

  test.each(['', '2026-11-24', 'soon'])('a text that is no time, %j, is none', (wall) => {
    expect(resolveWallClock(wall, 'nowhere/else')).toBeUndefined();
  });

  test('a wall clock read off an instant leads back to it', () => {
    for (const zone of ['Europe/Berlin', 'America/St_Johns', 'Asia/Tokyo', 'UTC']) {
      for (let day = 0; day < 366; day += 1) {
        const noon = instant('2026-01-01T12:34:56Z') + day * 86_400_000;

        expect(resolveWallClock(wallClockOf(noon, zone), zone)?.instant).toBe(noon);
      }
    }
  });
});
