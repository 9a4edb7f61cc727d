/** A task in every state in which a person can meet it. Times are around NOW. */

import type { LastRun, Task } from '@/api/types';

export const NOW = Date.parse('2026-11-24T12:00:00Z');

/** ISO 8601, so many seconds from NOW. */
export function at(seconds: number): string {
  return new Date(NOW + seconds * 1000).toISOString();
}

let count = 0;

function freshId(): string {
  count += 1;
  return `01935c6e-0000-7000-8000-${String(count).padStart(12, '0')}`;
}

export function lastRun(parts: Partial<LastRun> = {}): LastRun {
  return {
    run_id: freshId(),
    nominal_at: at(-60),
    due_at: at(-60),
    started_at: at(-59.996),
    finished_at: at(-59.99),
    outcome: 'succeeded',
    lateness_seconds: 0.004,
    error: null,
    skipped: null,
    ...parts,
  };
}

export function scheduledTask(parts: Partial<Task> = {}): Task {
  return {
    id: freshId(),
    description: 'Water the plants',
    time: at(3600),
    recurring: false,
    timezone: 'UTC',
    recurrence: null,
    action: { type: 'log' },
    timeout_seconds: 30,
    status: 'scheduled',
    next_due_at: parts.time ?? at(3600),
    last_run: null,
    revision: 1,
    created_at: at(-600),
    updated_at: at(-600),
    ...parts,
  };
}

export function dailyTask(parts: Partial<Task> = {}): Task {
  return scheduledTask({
    description: 'Feed the cat',
    recurring: true,
    recurrence: { rule: 'daily' },
    timezone: 'Europe/Berlin',
    last_run: lastRun(),
    ...parts,
  });
}

export function runningTask(parts: Partial<Task> = {}): Task {
  return scheduledTask({
    description: 'Back up the photos',
    status: 'running',
    time: at(-8),
    next_due_at: null,
    last_run: lastRun({
      due_at: at(-8),
      started_at: at(-7.998),
      finished_at: null,
      outcome: null,
      lateness_seconds: 0.002,
    }),
    ...parts,
  });
}

export function waitingTask(parts: Partial<Task> = {}): Task {
  return scheduledTask({
    description: 'Fetch the rates',
    status: 'waiting',
    next_due_at: at(30),
    last_run: lastRun({ outcome: 'failed', error: 'ConnectionError: refused' }),
    ...parts,
  });
}

export function pausedTask(parts: Partial<Task> = {}): Task {
  return scheduledTask({
    description: 'Send the newsletter',
    status: 'paused',
    next_due_at: null,
    ...parts,
  });
}

export function finishedTask(parts: Partial<Task> = {}): Task {
  return scheduledTask({
    description: 'Order paper',
    status: 'finished',
    time: at(-60),
    next_due_at: null,
    last_run: lastRun(),
    ...parts,
  });
}

export function failedTask(parts: Partial<Task> = {}): Task {
  return finishedTask({
    description: 'Call the greenhouse',
    last_run: lastRun({ outcome: 'failed', error: 'ConnectionError: the greenhouse is silent' }),
    ...parts,
  });
}

export function missedTask(parts: Partial<Task> = {}): Task {
  return dailyTask({
    description: 'Wake the neighbours',
    last_run: lastRun({
      run_id: null,
      started_at: null,
      finished_at: null,
      outcome: null,
      lateness_seconds: null,
      skipped: 'missed',
    }),
    ...parts,
  });
}

export function overdueTask(parts: Partial<Task> = {}): Task {
  return scheduledTask({
    description: 'Ring the bell',
    status: 'overdue',
    time: at(-45),
    next_due_at: at(-45),
    ...parts,
  });
}

/** A task of every status that the list can show. */
export const TASK_OF_STATUS = {
  scheduled: scheduledTask,
  running: runningTask,
  waiting: waitingTask,
  paused: pausedTask,
  finished: finishedTask,
  overdue: overdueTask,
} as const;
