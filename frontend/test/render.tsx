/** The page as a whole over the API for tests. */

import { render } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { Provider } from 'react-redux';
import { RecentChanges } from '@/api/changes';
import { createHttp } from '@/api/http';
import { App } from '@/app/App';
import { faresInto } from '@/app/connect';
import { makeStore, type AppStore, type RootState } from '@/app/store';
import { API } from './server';

export function testStore(preloaded?: Partial<RootState>): AppStore {
  const http = createHttp(
    API,
    faresInto(() => store),
  );
  const store: AppStore = makeStore({ http, recent: new RecentChanges() }, preloaded);
  return store;
}

export function renderApp(preloaded?: Partial<RootState>) {
  const store = testStore(preloaded);
  const user = userEvent.setup();
  const rendered = render(
    <Provider store={store}>
      <App />
    </Provider>,
  );
  return { store, user, ...rendered };
}
