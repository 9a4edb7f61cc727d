/**
 * Server state: the lists and the writes, each write shown at once and taken back when refused.
 * Knows the API's contract (DESIGN section 8); not how anything looks.
 */

import { original, type ThunkAction, type UnknownAction } from '@reduxjs/toolkit';
import { createApi } from '@reduxjs/toolkit/query/react';
import { axiosBaseQuery, servicesOf } from './baseQuery';
import { foldLines, foldTasks, type Change, type LinePage, type TaskPage } from './changes';
import { admits, type TaskFilter } from './filter';
import type { Problem } from './problem';
import type { Task, TaskWish } from './types';

/** The first page is small, so that it is there at once; the rest comes in large ones. */
const FIRST_PAGE_ROWS = 200;
const PAGE_ROWS = 1_000;
/** An unanswered or undecided create is repeated this often, under the same key: that is safe. */
const CREATE_REPEATS_MAX = 2;
const CREATE_REPEAT_MS = 1_000;

export interface Creation {
  wish: TaskWish;
  /** The Idempotency-Key: one per intent, not per request. */
  key: string;
  /** The task as it will probably be, shown until the answer is there. */
  guess: Task;
}

export interface Replacement {
  wish: TaskWish;
  /** The task as it was when the person began to edit it. */
  before: Task;
  guess: Task;
}

export interface Deletion {
  task: Task;
  keepalive?: boolean;
}

const LOGS = undefined;

function parametersOf({ text, status }: TaskFilter): Record<string, string> {
  return { ...(text !== '' && { q: text }), ...(status !== null && { status }) };
}

function wantedBy(filter: TaskFilter): (task: Task) => boolean {
  const now = Date.now();
  return (task) => admits(filter, task, now);
}

function listed(url: string, cursor: string | null, filter: Record<string, string> = {}) {
  const page = cursor === null ? { limit: FIRST_PAGE_ROWS } : { limit: PAGE_ROWS, cursor };
  return { url, params: { ...filter, ...page } };
}

/** An answer that is no array is none of Duetime's: something else listens at the address. */
function broken(title: string): Problem {
  return {
    kind: 'broken',
    status: null,
    title,
    detail: title,
    errors: [],
    retryAfterSeconds: null,
  };
}

export const duetimeApi = createApi({
  reducerPath: 'duetime',
  baseQuery: axiosBaseQuery,
  tagTypes: ['Tasks', 'Logs'],
  endpoints: (build) => ({
    tasks: build.infiniteQuery<TaskPage, TaskFilter, string | null>({
      // A filter that is being typed leaves a trail of lists: they are not kept long.
      keepUnusedDataFor: 10,
      infiniteQueryOptions: {
        initialPageParam: null,
        getNextPageParam: (page) => page.next ?? undefined,
      },
      async queryFn({ queryArg: filter, pageParam }, api, _options, ask) {
        const answer = await ask(listed('/tasks', pageParam, parametersOf(filter)));
        if (answer.error) {
          return { error: answer.error };
        }
        if (!Array.isArray(answer.data)) {
          return { error: broken('The address of the API does not lead to Duetime') };
        }
        const next = answer.meta?.next ?? null;
        const page: TaskPage = { tasks: answer.data as Task[], next };
        const recent = servicesOf(api).recent.at(Date.now());
        const known = pageParam === null ? recent : recent.filter(isIn(page));
        return { data: foldTasks([page], known, wantedBy(filter))[0] ?? page };
      },
      providesTags: ['Tasks'],
    }),

    logs: build.infiniteQuery<LinePage, undefined, string | null>({
      infiniteQueryOptions: {
        initialPageParam: null,
        getNextPageParam: (page) => page.next ?? undefined,
      },
      async queryFn({ pageParam }, api, _options, ask) {
        const answer = await ask(listed('/tasks/logs', pageParam));
        if (answer.error) {
          return { error: answer.error };
        }
        if (!Array.isArray(answer.data)) {
          return { error: broken('The address of the API does not lead to Duetime') };
        }
        const next = answer.meta?.next ?? null;
        const page: LinePage = { lines: answer.data as string[], next };
        const recent = pageParam === null ? servicesOf(api).recent.at(Date.now()) : [];
        return { data: foldLines([page], recent)[0] ?? page };
      },
      providesTags: ['Logs'],
    }),

    createTask: build.mutation<Task, Creation>({
      async queryFn({ wish, key }, _api, _options, ask) {
        for (let repeat = 0; ; repeat += 1) {
          const answer = await ask({
            url: '/tasks',
            method: 'POST',
            body: wish,
            headers: { 'Idempotency-Key': key },
          });
          if (!answer.error) {
            return { data: answer.data as Task };
          }
          const { kind, retryAfterSeconds } = answer.error;
          const mayHelp = kind === 'unavailable' || kind === 'unreachable';
          if (!mayHelp || repeat >= CREATE_REPEATS_MAX) {
            return { error: answer.error };
          }
          await wait(Math.min((retryAfterSeconds ?? 0) * 1000, 5_000) || CREATE_REPEAT_MS);
        }
      },
      async onQueryStarted({ guess }, { dispatch, queryFulfilled, extra }) {
        dispatch(applied([{ type: 'task', task: guess }]));
        try {
          const { data: task } = await queryFulfilled;
          servicesOf({ extra }).recent.remember({ type: 'task', task }, Date.now());
          dispatch(
            applied([
              { type: 'task_deleted', id: guess.id },
              { type: 'task', task },
            ]),
          );
        } catch {
          dispatch(applied([{ type: 'task_deleted', id: guess.id }]));
        }
      },
    }),

    replaceTask: build.mutation<Task, Replacement>({
      async queryFn({ wish, before, guess }, _api, _options, ask) {
        const answer = await ask({
          url: `/tasks/${before.id}`,
          method: 'PUT',
          body: wish,
          headers: { 'If-Match': `"${before.revision}"` },
        });
        if (answer.error) {
          return { error: answer.error };
        }
        // 202: durable, but not yet decided whether the condition held. The stream will tell.
        const decided = answer.meta?.status !== 202;
        return { data: decided ? (answer.data as Task) : guess };
      },
      async onQueryStarted({ before, guess }, { dispatch, queryFulfilled, extra }) {
        dispatch(restored(guess));
        try {
          const { data: task } = await queryFulfilled;
          servicesOf({ extra }).recent.remember({ type: 'task', task }, Date.now());
          dispatch(restored(task, guess));
        } catch {
          dispatch(restored(before, guess));
          // What the API holds may be newer than what was edited.
          dispatch(duetimeApi.util.invalidateTags(['Tasks']));
        }
      },
    }),

    deleteTask: build.mutation<null, Deletion>({
      async queryFn({ task, keepalive }, _api, _options, ask) {
        const answer = await ask({
          url: `/tasks/${task.id}`,
          method: 'DELETE',
          ...(keepalive && { keepalive }),
        });
        // Already gone is what was wanted.
        return answer.error && answer.error.kind !== 'gone'
          ? { error: answer.error }
          : { data: null };
      },
      async onQueryStarted({ task }, { dispatch, queryFulfilled, extra }) {
        dispatch(applied([{ type: 'task_deleted', id: task.id }]));
        try {
          await queryFulfilled;
          servicesOf({ extra }).recent.remember({ type: 'task_deleted', id: task.id }, Date.now());
        } catch {
          dispatch(applied([{ type: 'task', task }]));
          dispatch(duetimeApi.util.invalidateTags(['Tasks']));
        }
      },
    }),

    task: build.query<Task, string>({
      query: (id) => ({ url: `/tasks/${id}` }),
    }),
  }),
});

export const {
  useTasksInfiniteQuery,
  useLogsInfiniteQuery,
  useCreateTaskMutation,
  useReplaceTaskMutation,
  useDeleteTaskMutation,
} = duetimeApi;

function isIn(page: TaskPage): (change: Change) => boolean {
  const ids = new Set(page.tasks.map((task) => task.id));
  return (change) =>
    (change.type === 'task' && ids.has(change.task.id)) ||
    (change.type === 'task_deleted' && ids.has(change.id));
}

type Cached = Parameters<typeof duetimeApi.util.selectCachedArgsForQuery>[0];
type Patch = ThunkAction<void, Cached, unknown, UnknownAction>;
type Pages = (pages: readonly TaskPage[], filter: TaskFilter) => TaskPage[];

/** Changes every cached list of tasks. Pages are replaced whole: drafting 10,000 rows is slow. */
function inEveryList(change: Pages): Patch {
  return (dispatch, getState) => {
    for (const filter of duetimeApi.util.selectCachedArgsForQuery(getState(), 'tasks')) {
      dispatch(
        duetimeApi.util.updateQueryData('tasks', filter, (cached) => {
          const { pageParams, pages } = original(cached);
          return { pageParams, pages: change(pages, filter) };
        }),
      );
    }
  };
}

/** Folds changes into the cached lists of tasks. */
export function applied(changes: readonly Change[]): Patch {
  return inEveryList((pages, filter) => foldTasks(pages, changes, wantedBy(filter)));
}

export function appliedToLogs(changes: readonly Change[]) {
  return duetimeApi.util.updateQueryData('logs', LOGS, (cached) => {
    const { pageParams, pages } = original(cached);
    const folded = foldLines(pages, changes);
    return { pages: folded, pageParams: pageParams.slice(0, folded.length) };
  });
}

/** Puts a task's row to a state of ours, unless what is there is newer than `instead`. */
function restored(task: Task, instead?: Task): Patch {
  const replaced = (known: Task): Task =>
    known.id === task.id && (!instead || known.revision <= instead.revision) ? task : known;
  return inEveryList((pages) =>
    pages.map((page) =>
      page.tasks.some(({ id }) => id === task.id)
        ? { ...page, tasks: page.tasks.map(replaced) }
        : page,
    ),
  );
}

function wait(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
