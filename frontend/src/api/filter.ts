/** Which tasks a list is about: the filter that the API takes, and the same decision made here. */

import type { Task, TaskStatus } from './types';

export interface TaskFilter {
  /** Text that the description must contain, whatever its case; '' asks nothing. */
  text: string;
  status: TaskStatus | null;
}

export const EVERYTHING: TaskFilter = { text: '', status: null };

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

/** Whether a filter lets a task through, as things stand at `now`. */
export function admits({ text, status }: TaskFilter, task: Task, now: number): boolean {
  return (
    (status === null || statusAt(task, now) === status) &&
    (text === '' || task.description.toLowerCase().includes(text.toLowerCase()))
  );
}
