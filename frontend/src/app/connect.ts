/** Ties the store to what is outside of it: the API, the address bar, local storage, the theme. */

import type { RecentChanges } from '@/api/changes';
import type { Change } from '@/api/changes';
import {
  answered,
  streamEnded,
  streamOpened,
  unreachable,
  visibilityChanged,
} from '@/api/connection';
import { applied, appliedToLogs, duetimeApi } from '@/api/duetimeApi';
import type { Fares } from '@/api/http';
import type { LiveEffects } from '@/api/live/connection';
import { parseLine } from '@/features/logs/logLine';
import { pageLeft } from '@/features/tasks/deletions';
import { announced } from '@/ui/announcements';
import { addressOf, placeFound, placeOf } from '@/ui/place';
import { PREFERENCES_KEY } from '@/ui/preferences';
import type { AppStore } from './store';

/** More runs than this at once are told as a number. */
const ANNOUNCED_MAX = 2;

export function faresInto(store: () => AppStore): Fares {
  return {
    answered: (sentAt, receivedAt, date) => {
      store().dispatch(answered({ sentAt, receivedAt, date }));
    },
    unreachable: () => {
      store().dispatch(unreachable({ at: Date.now() }));
    },
  };
}

export function liveInto(store: AppStore, recent: RecentChanges): LiveEffects {
  return {
    opened: () => store.dispatch(streamOpened()),
    ended: () => store.dispatch(streamEnded()),
    visibility: (hidden) => store.dispatch(visibilityChanged({ hidden })),
    changes: (changes) => {
      const now = Date.now();
      for (const change of changes) {
        recent.remember(change, now);
      }
      store.dispatch(applied(changes));
      store.dispatch(appliedToLogs(changes));
      announce(store, changes);
    },
    refetch: async () => {
      store.dispatch(duetimeApi.util.invalidateTags(['Tasks', 'Logs']));
      await Promise.all(store.dispatch(duetimeApi.util.getRunningQueriesThunk()));
    },
  };
}

function announce(store: AppStore, changes: readonly Change[]): void {
  const lines = changes.flatMap((change) => (change.type === 'line' ? [change.line] : []));
  if (lines.length > ANNOUNCED_MAX) {
    store.dispatch(announced(`${lines.length} runs ended`));
  } else if (lines.length > 0) {
    const told = lines.map((line) => {
      const parsed = parseLine(line);
      return parsed ? `${parsed.description} ${parsed.message}` : line;
    });
    store.dispatch(announced(told.join('. ')));
  }
}

/** The address bar follows the store, and the other way round. Returns how to stop. */
export function followAddress(store: AppStore, page: Window): () => void {
  let shown = store.getState().place;
  const unsubscribe = store.subscribe(() => {
    const { place } = store.getState();
    if (place === shown) {
      return;
    }
    // Typing is no step in the history; going somewhere is.
    const step = place.view !== shown.view || place.status !== shown.status;
    shown = place;
    const address = addressOf(place);
    if (address !== page.location.pathname + page.location.search) {
      if (step) {
        page.history.pushState(null, '', address);
      } else {
        page.history.replaceState(null, '', address);
      }
    }
  });
  const popped = (): void => {
    shown = placeOf(new URL(page.location.href));
    store.dispatch(placeFound(shown));
  };
  page.addEventListener('popstate', popped);
  return () => {
    unsubscribe();
    page.removeEventListener('popstate', popped);
  };
}

/** Preferences are kept and the theme is shown. */
export function followPreferences(store: AppStore, page: Window): () => void {
  let kept = store.getState().preferences;
  return store.subscribe(() => {
    const { preferences } = store.getState();
    if (preferences === kept) {
      return;
    }
    kept = preferences;
    const { dataset } = page.document.documentElement;
    if (preferences.theme === 'system') {
      delete dataset.theme;
    } else {
      dataset.theme = preferences.theme;
    }
    try {
      page.localStorage.setItem(PREFERENCES_KEY, JSON.stringify(preferences));
    } catch {
      // Storage is closed to this page: the choice holds until it is closed.
    }
  });
}

/** Deletions that wait are sent when the page goes: nobody is left to take them back. */
export function followLeaving(store: AppStore, page: Window): () => void {
  const leaving = (): void => {
    store.dispatch(pageLeft());
  };
  page.addEventListener('pagehide', leaving);
  return () => {
    page.removeEventListener('pagehide', leaving);
  };
}
