import { describe, expect, test } from 'vitest';
import { duration, lateness, longInstant, relative, shortInstant } from './format';

const now = Date.parse('2026-11-24T12:00:00Z');

test.each([
  [0.000_312, '312 µs'],
  [0.004_2, '4.2 ms'],
  [0.004, '4 ms'],
  [0.25, '250 ms'],
  [1.5, '1.5 s'],
  [42, '42 s'],
  [125, '2 min 5 s'],
  [120, '2 min'],
  [12_000, '3 h 20 min'],
  [-3, '0 µs'],
])('a duration of %s s reads %s', (seconds, wanted) => {
  expect(duration(seconds)).toBe(wanted);
});

test('a run that was not late is on time', () => {
  expect(lateness(0)).toBe('on time');
  expect(lateness(0.004)).toBe('4 ms late');
});

test.each([
  [0, 'now'],
  [4, 'in 4 s'],
  [-5, '5 s ago'],
  [252, 'in 4 min 12 s'],
  [1_500, 'in 25 min'],
  [12_000, 'in 3 h 20 min'],
  [100_000, 'in 1 day'],
  [-1_000_000, '11 days ago'],
])('what is %s s away reads %s', (seconds, wanted) => {
  expect(relative(now + seconds * 1000, now)).toBe(wanted);
});

describe('an instant', () => {
  test('names its zone as of its own date', () => {
    expect(shortInstant(now, 'Europe/Berlin', now)).toBe('24 Nov 13:00:00 CET');
    expect(shortInstant(Date.parse('2026-07-01T12:00:00Z'), 'Europe/Berlin', now)).toBe(
      '1 Jul 14:00:00 CEST',
    );
    expect(shortInstant(now, 'UTC', now)).toBe('24 Nov 12:00:00 UTC');
  });

  test('says its year where that is another one', () => {
    expect(shortInstant(Date.parse('2027-01-01T00:00:00Z'), 'UTC', now)).toBe(
      '1 Jan 2027 00:00:00 UTC',
    );
    expect(longInstant(now, 'UTC')).toBe('Tue, 24 Nov 2026, 12:00:00 UTC');
  });
});
