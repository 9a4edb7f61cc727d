/** Tasks in words: names, schedules, statuses. Knows the words alone. */

import type { LastRun, Task, TaskStatus } from '@/api/types';
import { timeOfDay } from '@/time/format';

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

/** After this long past its time a task counts as overdue: the promise P2. */
const OVERDUE_MS = 10_000;

/** A task's status at `now`: nobody tells when a task becomes overdue, the clock does. */
export function statusAt(task: Task, now: number): TaskStatus {
  const late =
    task.status === 'scheduled' &&
    task.next_due_at !== null &&
    now > Math.max(Date.parse(task.next_due_at), Date.parse(task.updated_at)) + OVERDUE_MS;
  return late ? 'overdue' : task.status;
}

/** `Once`, `Daily at 09:30:00 · Europe/Berlin` */
export function scheduleWords(task: Task): string {
  if (!task.recurring) {
    return 'Once';
  }
  return `Daily at ${timeOfDay(Date.parse(task.time), task.timezone)} · ${task.timezone}`;
}

const OUTCOME_WORDS: Record<NonNullable<LastRun['outcome']>, string> = {
  succeeded: 'Succeeded',
  failed: 'Failed',
  timed_out: 'Timed out',
  cancelled: 'Cancelled',
};

export type RunTone = 'good' | 'bad' | 'busy' | 'quiet';

/** How a task's last run went, in a word, and how to feel about it. */
export function runWords(run: LastRun): { text: string; tone: RunTone } {
  if (run.skipped !== null) {
    return { text: `Skipped (${run.skipped})`, tone: 'bad' };
  }
  if (run.outcome === null) {
    return { text: 'Running', tone: 'busy' };
  }
  return {
    text: OUTCOME_WORDS[run.outcome],
    tone: run.outcome === 'succeeded' ? 'good' : run.outcome === 'cancelled' ? 'quiet' : 'bad',
  };
}

/** A row that stands for a task whose creation is not yet answered. */
export const GUESS_PREFIX = 'guess ';

export function isGuess(task: Task): boolean {
  return task.id.startsWith(GUESS_PREFIX);
}
