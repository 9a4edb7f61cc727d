/**
 * What a person is typing: the draft of a new task and of the task being edited. In the store, so
 * that neither is lost when a row scrolls away or the view changes.
 */

import { createSlice, type PayloadAction } from '@reduxjs/toolkit';
import type { Problem } from '@/api/problem';
import type { Task, TaskWish } from '@/api/types';
import { resolveWallClock, wallClockOf } from '@/time/zones';

export interface Draft {
  description: string;
  /** A wall-clock time in `timezone`; null: the suggestion, which moves on with the clock. */
  wall: string | null;
  timezone: string;
  recurring: boolean;
}

export interface Edit {
  /** The task as it was when editing began. */
  before: Task;
  draft: Draft;
  problem: Problem | null;
}

interface DraftsState {
  /** null until a person types: the zone of the moment is not known here. */
  fresh: Draft | null;
  freshProblem: Problem | null;
  /** Narrow pages show the form only while it is wanted. */
  formOpen: boolean;
  edit: Edit | null;
}

const initialState: DraftsState = { fresh: null, freshProblem: null, formOpen: false, edit: null };

export const draftsSlice = createSlice({
  name: 'drafts',
  initialState,
  reducers: {
    formOpened(state, { payload }: PayloadAction<boolean>) {
      state.formOpen = payload;
    },
    freshDrafted(state, { payload }: PayloadAction<Draft | null>) {
      state.fresh = payload;
      state.freshProblem = null;
    },
    freshRefused(state, { payload }: PayloadAction<{ draft: Draft; problem: Problem }>) {
      state.freshProblem = payload.problem;
      state.formOpen = true;
      // Give back what was typed, unless the next task is being typed already.
      state.fresh ??= payload.draft;
    },
    editBegun(state, { payload }: PayloadAction<Task>) {
      state.edit = { before: payload, draft: draftOf(payload), problem: null };
    },
    editDrafted(state, { payload }: PayloadAction<Draft>) {
      if (state.edit) {
        state.edit.draft = payload;
        state.edit.problem = null;
      }
    },
    editRefused(state, { payload }: PayloadAction<Edit>) {
      // Another row may be in edit by now: a refusal must not take that draft away.
      if (!state.edit || state.edit.before.id === payload.before.id) {
        state.edit = payload;
      }
    },
    /** What was typed is to be written over a newer state of the task. */
    editRebased(state, { payload }: PayloadAction<Task>) {
      if (state.edit) {
        state.edit.before = payload;
        state.edit.problem = null;
      }
    },
    editEnded(state) {
      state.edit = null;
    },
  },
});

export const {
  formOpened,
  freshDrafted,
  freshRefused,
  editBegun,
  editDrafted,
  editRefused,
  editRebased,
  editEnded,
} = draftsSlice.actions;

export function draftOf(task: Task): Draft {
  return {
    description: task.description,
    wall: wallClockOf(Date.parse(task.time), task.timezone),
    timezone: task.timezone,
    recurring: task.recurring,
  };
}

/** The wish that a draft stands for. A time that was not touched is sent as it was registered. */
export function wishOf(draft: Draft, wall: string, before?: Task): TaskWish {
  const untouched =
    before?.timezone === draft.timezone && draftOf(before).wall === withSeconds(wall);
  return {
    description: draft.description,
    time: untouched ? before.time : withSeconds(wall),
    timezone: draft.timezone,
    recurring: draft.recurring,
  };
}

function withSeconds(wall: string): string {
  return wall.length === 'YYYY-MM-DDTHH:MM'.length ? `${wall}:00` : wall;
}

/** Whether a draft says anything else than the task does. */
export function isChanged(draft: Draft, task: Task): boolean {
  const stands = draftOf(task);
  return (
    draft.description !== stands.description ||
    withSeconds(draft.wall ?? '') !== stands.wall ||
    draft.timezone !== stands.timezone ||
    draft.recurring !== stands.recurring
  );
}

/** What the list shows of a wish until the API has answered. */
export function guessOf(wish: TaskWish, id: string, now: number, before?: Task): Task {
  const instant = resolveWallClock(wish.time.replace(/Z$/, ''), wish.timezone)?.instant;
  const time = wish.time === before?.time ? before.time : new Date(instant ?? now).toISOString();
  const stamp = new Date(now).toISOString();
  // A change that leaves the time alone leaves the schedule alone.
  const kept = before?.time === time ? before : null;
  return {
    id,
    description: wish.description,
    time,
    recurring: wish.recurring,
    timezone: wish.timezone,
    recurrence: wish.recurring ? (before?.recurrence ?? { rule: 'daily' }) : null,
    action: before?.action ?? { type: 'log' },
    timeout_seconds: before?.timeout_seconds ?? 0,
    status: kept?.status ?? (before?.status === 'paused' ? 'paused' : 'scheduled'),
    next_due_at: kept ? kept.next_due_at : time,
    last_run: before?.last_run ?? null,
    revision: before?.revision ?? 0,
    created_at: before?.created_at ?? stamp,
    updated_at: stamp,
  };
}
