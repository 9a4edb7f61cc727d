/** What a screen reader is told politely: changes that others only see. */

import { createSlice, type PayloadAction } from '@reduxjs/toolkit';

export const announcementsSlice = createSlice({
  name: 'announcements',
  initialState: { text: '' },
  reducers: {
    announced(state, { payload }: PayloadAction<string>) {
      state.text = payload;
    },
  },
});

export const { announced } = announcementsSlice.actions;
