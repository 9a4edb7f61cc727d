/**
 * What has just been seen to happen, from the live stream and from our own writes, and how it is
 * folded into lists of tasks and lines that were fetched. Reads may lag behind the log: what was
 * seen recently is folded into every fetched page too, so that nothing goes back in time.
 * Knows tasks and lines; not Redux, not the stream.
 */

import { compareTasks } from './order';
import type { Task } from './types';

export type Change =
  | { type: 'task'; task: Task }
  | { type: 'task_deleted'; id: string }
  | { type: 'line'; line: string };

export interface TaskPage {
  tasks: Task[];
  next: string | null;
}

export interface LinePage {
  lines: string[];
  next: string | null;
  /** Older lines were left out to bound memory: fetch anew to see them. */
  cut?: boolean;
}

/** More lines than this are not kept while new ones stream in. */
export const LIVE_LINES_MAX = 5_000;

/** When a task's newest known run happened; 0 where it never ran. */
function lastRunAt(task: Task): number {
  const run = task.last_run;
  return run ? Date.parse(run.finished_at ?? run.started_at ?? run.due_at) : 0;
}

/** Whether `candidate` is at least as new a state of a task as `known`. */
export function isAsNew(candidate: Task, known: Task): boolean {
  if (candidate.revision !== known.revision) {
    return candidate.revision > known.revision;
  }
  return lastRunAt(candidate) >= lastRunAt(known);
}

interface Folded {
  tasks: ReadonlyMap<string, Task>;
  deleted: ReadonlySet<string>;
}

function newestOf(changes: readonly Change[]): Folded {
  const tasks = new Map<string, Task>();
  const deleted = new Set<string>();
  for (const change of changes) {
    if (change.type === 'task_deleted') {
      deleted.add(change.id);
      tasks.delete(change.id);
    } else if (change.type === 'task') {
      const known = tasks.get(change.task.id);
      if (!known || isAsNew(change.task, known)) {
        tasks.set(change.task.id, change.task);
      }
    }
  }
  return { tasks, deleted };
}

/**
 * Folds changes into the pages of a task list. One that is wanted and not in them yet is put in
 * where it belongs to the part that is loaded; beyond that, its page will bring it.
 */
export function foldTasks(
  pages: readonly TaskPage[],
  changes: readonly Change[],
  isWanted: (task: Task) => boolean = () => true,
): TaskPage[] {
  const { tasks, deleted } = newestOf(changes);
  if (tasks.size === 0 && deleted.size === 0) {
    return [...pages];
  }
  const unseen = new Map(tasks);
  const folded = pages.map((page) => {
    let changed = false;
    const kept: Task[] = [];
    for (const task of page.tasks) {
      if (deleted.has(task.id)) {
        changed = true;
        continue;
      }
      const newer = tasks.get(task.id);
      unseen.delete(task.id);
      if (newer && newer !== task && isAsNew(newer, task)) {
        changed = true;
        kept.push(newer);
      } else {
        kept.push(task);
      }
    }
    return changed ? { ...page, tasks: kept } : page;
  });
  return insert(folded, [...unseen.values()].filter(isWanted));
}

function insert(pages: TaskPage[], unseen: readonly Task[]): TaskPage[] {
  const [first, ...rest] = pages;
  const last = pages.at(-1);
  if (!first || !last || unseen.length === 0) {
    return pages;
  }
  const border = last.next === null ? undefined : last.tasks.at(-1);
  const inside = unseen.filter((task) => !border || compareTasks(task, border) < 0);
  return inside.length === 0 ? pages : [{ ...first, tasks: [...inside, ...first.tasks] }, ...rest];
}

/** Folds new lines (oldest first, as they came) into the pages of the logs, newest first. */
export function foldLines(pages: readonly LinePage[], changes: readonly Change[]): LinePage[] {
  const [first, ...rest] = pages;
  if (!first) {
    return [];
  }
  const known = new Set(first.lines.slice(0, LIVE_LINES_MAX));
  const fresh: string[] = [];
  for (const change of changes) {
    if (change.type === 'line' && !known.has(change.line)) {
      known.add(change.line);
      fresh.push(change.line);
    }
  }
  if (fresh.length === 0) {
    return [...pages];
  }
  // Lines begin with their time in one form, so text order is time order, newest first.
  const head = [...fresh, ...first.lines.slice(0, fresh.length + 64)];
  head.sort((a, b) => (a < b ? 1 : a > b ? -1 : 0));
  const lines = [...head, ...first.lines.slice(fresh.length + 64)];
  if (lines.length > LIVE_LINES_MAX) {
    return [{ lines: lines.slice(0, LIVE_LINES_MAX), next: null, cut: true }];
  }
  return [{ ...first, lines }, ...rest];
}

/** How long reads may lag behind what was seen: twice the read models' slowest normal catch-up. */
const RECENT_MS = 15_000;

/** What was seen within the last seconds. */
export class RecentChanges {
  #seen: { at: number; change: Change }[] = [];

  remember(change: Change, now: number): void {
    this.#seen.push({ at: now, change });
  }

  at(now: number): readonly Change[] {
    const start = this.#seen.findIndex(({ at }) => now - at < RECENT_MS);
    this.#seen = start < 0 ? [] : this.#seen.slice(start);
    return this.#seen.map(({ change }) => change);
  }
}
