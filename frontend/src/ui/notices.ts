/** Short messages at the edge of the page: what happened, and at most one thing to do about it. */

import { createSlice, type PayloadAction, type UnknownAction } from '@reduxjs/toolkit';

export interface Notice {
  /** A notice with the id of another replaces it. */
  id: string;
  tone: 'plain' | 'error';
  text: string;
  /** What the button does: a plain action, so that the notice stays serializable. */
  offer?: { label: string; action: UnknownAction };
  /** Stays until something else takes it away, or the person does. */
  stays?: boolean;
}

/** More than this many are never on the page: the oldest go first. */
export const NOTICES_MAX = 4;

interface NoticesState {
  shown: Notice[];
  /** While the pointer or the focus is on them, none goes by itself (WCAG 2.2.1). */
  held: boolean;
}

const initialState: NoticesState = { shown: [], held: false };

export const noticesSlice = createSlice({
  name: 'notices',
  initialState,
  reducers: {
    noticed(state, { payload }: PayloadAction<Notice>) {
      state.shown = [...state.shown.filter(({ id }) => id !== payload.id), payload].slice(
        -NOTICES_MAX,
      );
    },
    noticeGone(state, { payload }: PayloadAction<{ id: string }>) {
      state.shown = state.shown.filter(({ id }) => id !== payload.id);
      state.held &&= state.shown.length > 0;
    },
    noticesHeld(state, { payload }: PayloadAction<boolean>) {
      state.held = payload;
    },
  },
});

export const { noticed, noticeGone, noticesHeld } = noticesSlice.actions;
