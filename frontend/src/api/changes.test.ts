import { describe, expect, test } from 'vitest';
import {
  dailyTask,
  finishedTask,
  lastRun,
  runningTask,
  scheduledTask,
  at,
} from '@test/factories/task';
import { logLine } from '@test/factories/logLine';
import { foldLines, foldTasks, isAsNew, LIVE_LINES_MAX, RecentChanges } from './changes';
import { compareTasks } from './order';

describe('folding into the list of tasks', () => {
  test('a newer state takes the place of an older one, never the other way round', () => {
    const old = scheduledTask({ revision: 1 });
    const renamed = { ...old, revision: 2, description: 'Water them all' };
    const pages = [{ tasks: [old], next: null }];

    expect(foldTasks(pages, [{ type: 'task', task: renamed }])[0]?.tasks).toEqual([renamed]);
    expect(
      foldTasks([{ tasks: [renamed], next: null }], [{ type: 'task', task: old }])[0]?.tasks,
    ).toEqual([renamed]);
  });

  test('of two states of one revision, the one with the later run is newer', () => {
    const before = dailyTask();
    const after = { ...before, last_run: lastRun({ finished_at: at(0) }) };

    expect(isAsNew(after, before)).toBe(true);
    expect(isAsNew(before, after)).toBe(false);
  });

  test('a deleted task is gone, whatever came before it in the same breath', () => {
    const task = scheduledTask();

    expect(
      foldTasks(
        [{ tasks: [task], next: null }],
        [
          { type: 'task', task: { ...task, revision: 2 } },
          { type: 'task_deleted', id: task.id },
        ],
      )[0]?.tasks,
    ).toEqual([]);
  });

  test('a new task is put in where it belongs to the loaded part, else left to its page', () => {
    const soon = scheduledTask({ next_due_at: at(10) });
    const border = scheduledTask({ next_due_at: at(100) });
    const early = scheduledTask({ next_due_at: at(50) });
    const late = scheduledTask({ next_due_at: at(500) });
    const [page] = foldTasks(
      [{ tasks: [soon, border], next: 'cursor' }],
      [
        { type: 'task', task: early },
        { type: 'task', task: late },
      ],
    );

    expect(page?.tasks.map(({ id }) => id).sort()).toEqual([soon.id, border.id, early.id].sort());
  });

  test('a new task that the list is not about is left out', () => {
    const [page] = foldTasks(
      [{ tasks: [], next: null }],
      [{ type: 'task', task: scheduledTask() }],
      () => false,
    );

    expect(page?.tasks).toEqual([]);
  });

  test('pages that nothing happened to stay the same objects', () => {
    const pages = [{ tasks: [scheduledTask()], next: null }];

    expect(foldTasks(pages, [{ type: 'line', line: logLine() }])[0]).toBe(pages[0]);
  });
});

describe('folding into the logs', () => {
  test('new lines stand on top, newest first, each once', () => {
    const older = logLine({ seconds: -60 });
    const newer = logLine({ seconds: -30 });
    const newest = logLine({ seconds: -10 });
    const pages = [{ lines: [older], next: null }];

    expect(
      foldLines(pages, [
        { type: 'line', line: newer },
        { type: 'line', line: newest },
        { type: 'line', line: older },
      ])[0]?.lines,
    ).toEqual([newest, newer, older]);
  });

  test('a flood of lines is cut at the bound, and says so', () => {
    const lines = Array.from({ length: LIVE_LINES_MAX + 10 }, (_, index) =>
      logLine({ seconds: index }),
    );
    const [page] = foldLines(
      [{ lines: [], next: null }],
      lines.map((line) => ({ type: 'line', line })),
    );

    expect(page?.lines).toHaveLength(LIVE_LINES_MAX);
    expect(page?.lines[0]).toBe(lines.at(-1));
    expect(page?.cut).toBe(true);
  });
});

test('what was seen is remembered for a while, then forgotten', () => {
  const recent = new RecentChanges();
  recent.remember({ type: 'line', line: 'first' }, 0);
  recent.remember({ type: 'line', line: 'second' }, 10_000);

  expect(recent.at(12_000)).toHaveLength(2);
  expect(recent.at(20_000)).toEqual([{ type: 'line', line: 'second' }]);
  expect(recent.at(60_000)).toEqual([]);
});

test('tasks stand in this order: running, by next due, then the rest, newest first', () => {
  const running = runningTask();
  const soon = scheduledTask({ next_due_at: at(10) });
  // Text order would be wrong here: a dot sorts before a Z.
  const sameSecond = scheduledTask({ next_due_at: at(10.005) });
  const ended = finishedTask({ last_run: lastRun({ finished_at: at(-10) }) });
  const endedBefore = finishedTask({ last_run: lastRun({ finished_at: at(-20) }) });

  expect([endedBefore, sameSecond, ended, soon, running].sort(compareTasks)).toEqual([
    running,
    soon,
    sameSecond,
    ended,
    endedBefore,
  ]);
});
