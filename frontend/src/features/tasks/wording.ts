/** Tasks in words: names, schedules, statuses. Knows the words alone. */

import type { LastRun, Outcome, Task, TaskStatus } from '@/api/types';
import { lateness, timeOfDay } from '@/time/format';

const EXCERPT_CHARS_MAX = 48;

/** A task's name in a sentence: quoted, on one line, not too long. */
export function excerpt(description: string): string {
  const line = description.replace(/\s+/g, ' ').trim();
  const cut = line.length > EXCERPT_CHARS_MAX ? `${line.slice(0, EXCERPT_CHARS_MAX - 1)}…` : line;
  return `“${cut}”`;
}

export const STATUS_WORDS: Record<TaskStatus, string> = {
  scheduled: 'Scheduled',
  running: 'Running',
  waiting: 'Waiting to retry',
  paused: 'Paused',
  finished: 'Finished',
  overdue: 'Overdue',
  deleted: 'Deleted',
};

/** What a status means, for the tooltip. */
export const STATUS_MEANINGS: Record<TaskStatus, string> = {
  scheduled: 'It will run at its time.',
  running: 'It runs right now.',
  waiting: 'An attempt failed; the next one is scheduled.',
  paused: 'It does not run until someone resumes it.',
  finished: 'Nothing is left to run.',
  overdue: 'It should have started more than 10 s ago.',
  deleted: 'It does not run any more.',
};

/** `Once`, `Daily at 09:30:00 · Europe/Berlin` */
export function scheduleWords(task: Task): string {
  if (!task.recurring) {
    return 'Once';
  }
  return `Daily at ${timeOfDay(Date.parse(task.time), task.timezone)} · ${task.timezone}`;
}

/** A run that starts later than this breaks the promise P2. */
const LATE_SECONDS = 10;

const OUTCOME_WORDS: Record<Exclude<Outcome, 'succeeded'>, string> = {
  failed: 'Failed',
  timed_out: 'Timed out',
  cancelled: 'Cancelled',
};

export type RunTone = 'good' | 'late' | 'bad' | 'busy' | 'quiet';

/** How a task's last run went, in a word, and how to feel about it. */
export function runWords(run: LastRun): { text: string; tone: RunTone } {
  if (run.skipped !== null) {
    return { text: `Skipped (${run.skipped})`, tone: 'bad' };
  }
  const late = run.lateness_seconds === null ? '' : lateness(run.lateness_seconds);
  if (run.outcome === 'succeeded' || run.outcome === null) {
    const tone = run.outcome === null ? 'busy' : 'good';
    const broken = (run.lateness_seconds ?? 0) > LATE_SECONDS;
    return { text: late || (run.outcome ?? 'Started'), tone: broken ? 'late' : tone };
  }
  return { text: OUTCOME_WORDS[run.outcome], tone: run.outcome === 'cancelled' ? 'quiet' : 'bad' };
}

/** A row that stands for a task whose creation is not yet answered. */
export const GUESS_PREFIX = 'guess ';

export function isGuess(task: Task): boolean {
  return task.id.startsWith(GUESS_PREFIX);
}
