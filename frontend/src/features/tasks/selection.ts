/** Which row the keyboard is on, and which row something else wants to be shown. */

import { createListenerMiddleware, createSlice, type PayloadAction } from '@reduxjs/toolkit';
import { placeChanged } from '@/ui/place';

interface SelectionState {
  activeId: string | null;
  wantedId: string | null;
}

const initialState: SelectionState = { activeId: null, wantedId: null };

export const selectionSlice = createSlice({
  name: 'selection',
  initialState,
  reducers: {
    rowActivated(state, { payload }: PayloadAction<string | null>) {
      state.activeId = payload;
    },
    rowWanted(state, { payload }: PayloadAction<string>) {
      state.activeId = payload;
      state.wantedId = payload;
    },
    rowShown(state) {
      state.wantedId = null;
    },
  },
});

export const { rowActivated, rowWanted, rowShown } = selectionSlice.actions;

export const selectionListener = createListenerMiddleware();

selectionListener.startListening({
  actionCreator: rowWanted,
  effect: (_action, { dispatch }) => {
    dispatch(placeChanged({ view: 'tasks', text: '', status: null }));
  },
});
