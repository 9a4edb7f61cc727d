/** Puts the page together. */

import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { Provider } from 'react-redux';
import { RecentChanges } from '@/api/changes';
import { apiBaseUrl } from '@/api/config';
import { createHttp } from '@/api/http';
import { LiveConnection } from '@/api/live/connection';
import { App } from '@/app/App';
import {
  faresInto,
  followAddress,
  followLeaving,
  followPreferences,
  liveInto,
} from '@/app/connect';
import { makeStore, type AppStore } from '@/app/store';
import { placeOf } from '@/ui/place';
import { keptPreferences } from '@/ui/preferences';
import '@/app/base.css';

async function start(root: HTMLElement): Promise<void> {
  const recent = new RecentChanges();
  const http = createHttp(
    await apiBaseUrl(window.location),
    faresInto(() => store),
  );
  const store: AppStore = makeStore(
    { http, recent },
    {
      place: placeOf(new URL(window.location.href)),
      preferences: keptPreferences(window.localStorage),
    },
  );
  followAddress(store, window);
  followPreferences(store, window);
  followLeaving(store, window);
  createRoot(root).render(
    <StrictMode>
      <Provider store={store}>
        <App />
      </Provider>
    </StrictMode>,
  );
  new LiveConnection(http, liveInto(store, recent)).start(document);
}

const root = document.getElementById('root');
if (root) {
  void start(root);
}
