/** The store: the same for the page and for tests. */

import { combineReducers, configureStore } from '@reduxjs/toolkit';
import type { Services } from '@/api/baseQuery';
import { connectionSlice } from '@/api/connection';
import { duetimeApi } from '@/api/duetimeApi';
import { deletionsListener, deletionsSlice } from '@/features/tasks/deletions';
import { draftsSlice } from '@/features/tasks/drafts';
import { selectionListener, selectionSlice } from '@/features/tasks/selection';
import { announcementsSlice } from '@/ui/announcements';
import { noticesSlice } from '@/ui/notices';
import { placeSlice } from '@/ui/place';
import { preferencesSlice } from '@/ui/preferences';

const reducer = combineReducers({
  [duetimeApi.reducerPath]: duetimeApi.reducer,
  announcements: announcementsSlice.reducer,
  connection: connectionSlice.reducer,
  deletions: deletionsSlice.reducer,
  drafts: draftsSlice.reducer,
  notices: noticesSlice.reducer,
  place: placeSlice.reducer,
  preferences: preferencesSlice.reducer,
  selection: selectionSlice.reducer,
});

export type RootState = ReturnType<typeof reducer>;

export function makeStore(services: Services, preloadedState?: Partial<RootState>) {
  return configureStore({
    reducer,
    ...(preloadedState && { preloadedState }),
    middleware: (defaults) =>
      defaults({
        thunk: { extraArgument: services },
        // Lists hold up to 10,000 rows: walking through them on every action would be felt.
        serializableCheck: false,
        immutableCheck: false,
      })
        .prepend(deletionsListener.middleware, selectionListener.middleware)
        .concat(duetimeApi.middleware),
  });
}

export type AppStore = ReturnType<typeof makeStore>;
export type AppDispatch = AppStore['dispatch'];
