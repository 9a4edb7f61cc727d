/**
 * The order of the task list: what runs, then what is due, soonest first, then the rest, newest
 * first. The API lists in the same order, but that running tasks do not come first there.
 */

import type { Task } from './types';

interface Key {
  rank: 0 | 1 | 2;
  at: number;
}

const keys = new WeakMap<Task, Key>();

function keyOf(task: Task): Key {
  let key = keys.get(task);
  if (!key) {
    const due = task.next_due_at === null ? null : Date.parse(task.next_due_at);
    const ran = task.last_run?.finished_at ?? task.last_run?.started_at ?? task.updated_at;
    const touched = Math.max(Date.parse(ran), Date.parse(task.updated_at));
    if (task.status === 'running') {
      key = { rank: 0, at: due ?? -touched };
    } else {
      key = due === null ? { rank: 2, at: -touched } : { rank: 1, at: due };
    }
    keys.set(task, key);
  }
  return key;
}

export function compareTasks(a: Task, b: Task): number {
  const left = keyOf(a);
  const right = keyOf(b);
  return left.rank - right.rank || left.at - right.at || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);
}
