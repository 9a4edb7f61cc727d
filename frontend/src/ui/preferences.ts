/** What a person chose for this browser: kept in local storage, never sent anywhere. */

import { createSlice, type PayloadAction } from '@reduxjs/toolkit';

export type Theme = 'system' | 'light' | 'dark';
export type ShownZone = 'local' | 'utc';

export interface Preferences {
  theme: Theme;
  zone: ShownZone;
  /** Single-key shortcuts can be switched off (WCAG 2.1.4). */
  shortcuts: boolean;
}

export const PREFERENCES_KEY = 'duetime.preferences';

const defaults: Preferences = { theme: 'system', zone: 'local', shortcuts: true };

/** Reads what was kept; anything unreadable counts as not chosen. */
export function keptPreferences(storage: Pick<Storage, 'getItem'>): Preferences {
  let kept: unknown;
  try {
    kept = JSON.parse(storage.getItem(PREFERENCES_KEY) ?? '{}');
  } catch {
    return defaults;
  }
  if (typeof kept !== 'object' || kept === null) {
    return defaults;
  }
  const found = kept as Partial<Record<keyof Preferences, unknown>>;
  return {
    theme: found.theme === 'light' || found.theme === 'dark' ? found.theme : 'system',
    zone: found.zone === 'utc' ? 'utc' : 'local',
    shortcuts: found.shortcuts !== false,
  };
}

export const preferencesSlice = createSlice({
  name: 'preferences',
  initialState: defaults,
  reducers: {
    themeChosen(state, { payload }: PayloadAction<Theme>) {
      state.theme = payload;
    },
    zoneChosen(state, { payload }: PayloadAction<ShownZone>) {
      state.zone = payload;
    },
    shortcutsSwitched(state, { payload }: PayloadAction<boolean>) {
      state.shortcuts = payload;
    },
  },
});

export const { themeChosen, zoneChosen, shortcutsSwitched } = preferencesSlice.actions;
