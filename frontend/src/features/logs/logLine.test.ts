import { expect, test } from 'vitest';
import { logLine } from '@test/factories/logLine';
import { parseLine } from './logLine';

const taskId = '01935c6e-0000-7000-8000-000000000001';

test('a line is taken apart', () => {
  expect(parseLine(logLine({ description: 'Say "hi" (twice)' }))).toEqual({
    at: '2026-11-24T11:59:00.000Z',
    description: 'Say "hi" (twice)',
    taskId,
    message: 'ran, 4 ms late, took 1.2 ms',
    tone: 'good',
  });
});

test.each([
  ['ran on request, on time, took 3 ms', 'good'],
  ['failed: ValueError: no, 2 ms late, took 1 ms', 'bad'],
  ['timed out after 30 s, 2 ms late', 'bad'],
  ['was cancelled after 2 s', 'quiet'],
  ['3 runs skipped (missed) from … to …: Duetime was not running', 'warn'],
])('%j is told as %s', (message, tone) => {
  expect(parseLine(logLine({ message }))?.tone).toBe(tone);
});

test.each(['', 'a line of another make', '2026-11-24T11:59:00Z  no quotes (x)  ran'])(
  '%j stays whole',
  (line) => {
    expect(parseLine(line)).toBeNull();
  },
);
