/**
 * Deleting with a moment to think: the row goes at once, the request a few seconds later, and until
 * then it can be taken back. A task that is due within that time is deleted at once, since waiting
 * would let it run.
 */

import {
  createListenerMiddleware,
  createSlice,
  isAnyOf,
  type PayloadAction,
} from '@reduxjs/toolkit';
import { duetimeApi } from '@/api/duetimeApi';
import { asProblem, sentence } from '@/api/problem';
import type { Task } from '@/api/types';
import { noticed, noticeGone, noticesHeld } from '@/ui/notices';
import { serverNow } from '@/ui/now';
import { excerpt } from './wording';

/** How long a deletion can be taken back. */
export const TAKE_BACK_MS = 7_000;
/** A change acknowledged a second before the due time decides (P4); the rest is for the way. */
const DECIDES_BEFORE_MS = 2_500;
/** Whoever holds the notice longer than this has gone away from it. */
const HELD_MS_MAX = 60_000;

type Pending = Record<string, Task>;

interface DeletionsState {
  /** Tasks that are gone from the list but not yet from the API. */
  pending: Pending;
  /** In the order in which they were asked for; the newest is taken back first. */
  order: string[];
}

const initialState: DeletionsState = { pending: {}, order: [] };

export const deletionsSlice = createSlice({
  name: 'deletions',
  initialState,
  reducers: {
    deletionAsked(state, { payload }: PayloadAction<Task>) {
      state.pending[payload.id] = payload;
      state.order = [...state.order.filter((id) => id !== payload.id), payload.id];
    },
    deletionTakenBack(state, { payload }: PayloadAction<{ id: string }>) {
      forget(state, payload.id);
    },
    deletionSent(state, { payload }: PayloadAction<{ id: string }>) {
      forget(state, payload.id);
    },
  },
});

function forget(state: DeletionsState, id: string): void {
  state.pending = Object.fromEntries(Object.entries(state.pending).filter(([key]) => key !== id));
  state.order = state.order.filter((known) => known !== id);
}

export const { deletionAsked, deletionTakenBack, deletionSent } = deletionsSlice.actions;

/** The tab closes: what was asked for is done now. */
export const pageLeft = () => ({ type: 'deletions/pageLeft' as const });

export const deletionsListener = createListenerMiddleware<{
  deletions: DeletionsState;
  notices: { held: boolean };
}>();

deletionsListener.startListening({
  actionCreator: deletionAsked,
  effect: async ({ payload: task }, api) => {
    const noticeId = `deletion ${task.id}`;
    const name = excerpt(task.description);
    const dueIn = task.next_due_at === null ? Infinity : Date.parse(task.next_due_at) - serverNow();
    const soon = dueIn > 0 && dueIn < TAKE_BACK_MS + DECIDES_BEFORE_MS;
    if (!soon) {
      api.dispatch(
        noticed({
          id: noticeId,
          tone: 'plain',
          text: `Deleted ${name}`,
          offer: { label: 'Undo', action: deletionTakenBack({ id: task.id }) },
          stays: true,
        }),
      );
      const [decision] = (await api.take(isDecisionOn(task.id), TAKE_BACK_MS)) ?? [];
      if (decision && deletionTakenBack.match(decision)) {
        api.dispatch(noticeGone({ id: noticeId }));
        return;
      }
      // Someone reads the notice or is about to press its button: wait for them.
      if (!decision && api.getState().notices.held) {
        const [later] =
          (await api.take(isAnyOf(isDecisionOn(task.id), isLetGo), HELD_MS_MAX)) ?? [];
        if (deletionTakenBack.match(later)) {
          api.dispatch(noticeGone({ id: noticeId }));
          return;
        }
      }
      api.dispatch(noticeGone({ id: noticeId }));
    }
    const request = api.dispatch(
      duetimeApi.endpoints.deleteTask.initiate({ task, keepalive: true }),
    );
    api.dispatch(deletionSent({ id: task.id }));
    const error = asProblem((await request).error);
    if (error) {
      api.dispatch(
        noticed({
          id: noticeId,
          tone: 'error',
          text: `${name} was not deleted: ${sentence(error)}`,
          offer: { label: 'Try again', action: deletionAsked(task) },
          stays: true,
        }),
      );
    } else if (soon) {
      api.dispatch(
        noticed({
          id: noticeId,
          tone: 'plain',
          text: `Deleted ${name} at once, since it was about to run`,
        }),
      );
    }
  },
});

function isDecisionOn(id: string) {
  return (
    action: unknown,
  ): action is ReturnType<typeof deletionTakenBack> | ReturnType<typeof pageLeft> =>
    (deletionTakenBack.match(action) && action.payload.id === id) || isPageLeft(action);
}

function isPageLeft(action: unknown): action is ReturnType<typeof pageLeft> {
  return (
    typeof action === 'object' &&
    action !== null &&
    'type' in action &&
    action.type === 'deletions/pageLeft'
  );
}

function isLetGo(action: unknown): action is ReturnType<typeof noticesHeld> {
  return noticesHeld.match(action) && !action.payload;
}
