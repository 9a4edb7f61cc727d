/** From pages to rows: which tasks the list shows, in which order. Pure. */

import { isAsNew, type TaskPage } from '@/api/changes';
import { compareTasks } from '@/api/order';
import type { Task } from '@/api/types';
import { isGuess } from './wording';

/** Clocks and answers may differ by this much where a guess is matched with its task. */
const GUESS_SLACK_MS = 5_000;

/** All loaded tasks once, in order, without those whose deletion is under way. */
export function rowsOf(
  pages: readonly TaskPage[],
  deleted: Readonly<Record<string, unknown>>,
): readonly Task[] {
  const byId = new Map<string, Task>();
  const guesses: Task[] = [];
  for (const page of pages) {
    for (const task of page.tasks) {
      const known = byId.get(task.id);
      if (isGuess(task)) {
        guesses.push(task);
      } else if (!(task.id in deleted) && (!known || isAsNew(task, known))) {
        byId.set(task.id, task);
      }
    }
  }
  const rows = [...byId.values()];
  // The stream may bring a new task before the answer to its creation does: it is shown once.
  const unmet = guesses.filter((guess) => !rows.some((task) => isAnswerTo(guess, task)));
  return [...rows, ...unmet].sort(compareTasks);
}

function isAnswerTo(guess: Task, task: Task): boolean {
  return (
    task.description === guess.description &&
    Date.parse(task.time) === Date.parse(guess.time) &&
    Date.parse(task.created_at) > Date.parse(guess.created_at) - GUESS_SLACK_MS
  );
}
