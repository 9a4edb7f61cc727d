/** How the page stands with the API: UI state, written by the live connection alone. */

import { createSlice, type PayloadAction } from '@reduxjs/toolkit';
import { learn, type ServerClock } from './serverClock';

export interface ConnectionState {
  /** Changes stream in. */
  streaming: boolean;
  /** Nobody looks: nothing is asked. */
  hidden: boolean;
  /** Since when the API does not answer, in milliseconds since the epoch; null: it does. */
  lostSince: number | null;
  /** Whether anything was ever answered. */
  met: boolean;
  serverClock: ServerClock | null;
}

const initialState: ConnectionState = {
  streaming: false,
  hidden: false,
  lostSince: null,
  met: false,
  serverClock: null,
};

interface Answered {
  sentAt: number;
  receivedAt: number;
  date: string | null;
}

export const connectionSlice = createSlice({
  name: 'connection',
  initialState,
  reducers: {
    answered(state, { payload }: PayloadAction<Answered>) {
      state.met = true;
      state.lostSince = null;
      state.serverClock = learn(
        state.serverClock,
        payload.sentAt,
        payload.receivedAt,
        payload.date,
      );
    },
    unreachable(state, { payload }: PayloadAction<{ at: number }>) {
      state.lostSince ??= payload.at;
    },
    streamOpened(state) {
      state.streaming = true;
      state.lostSince = null;
    },
    streamEnded(state) {
      state.streaming = false;
    },
    visibilityChanged(state, { payload }: PayloadAction<{ hidden: boolean }>) {
      state.hidden = payload.hidden;
    },
  },
});

export const { answered, unreachable, streamOpened, streamEnded, visibilityChanged } =
  connectionSlice.actions;

export type ConnectionMode = 'connecting' | 'live' | 'polling' | 'paused' | 'lost';

export function modeOf(state: ConnectionState): ConnectionMode {
  if (state.hidden) {
    return 'paused';
  }
  if (state.lostSince !== null) {
    return 'lost';
  }
  if (state.streaming) {
    return 'live';
  }
  return state.met ? 'polling' : 'connecting';
}
