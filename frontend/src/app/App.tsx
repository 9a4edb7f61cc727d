/** The page: its frame, its panes side by side or one at a time, what floats above them. */

import { lazy, Suspense, useCallback, useEffect, useState } from 'react';
import { styled } from 'styled-components';
import { offsetMs } from '@/api/serverClock';
import { VisuallyHidden } from '@/components/controls';
import { WIDE, wide } from '@/components/media';
import { listenToKeys, useShortcut } from '@/components/shortcuts';
import { useMedia } from '@/components/useMedia';
import { LogsPane } from '@/features/logs/LogsPane';
import { TasksPane } from '@/features/tasks/TasksPane';
import { duetimeApi } from '@/api/duetimeApi';
import { useServerOffset } from '@/ui/now';
import { placeChanged } from '@/ui/place';
import { themeChosen, zoneChosen } from '@/ui/preferences';
import { Header } from './Header';
import { useAppDispatch, useAppSelector, useAppStore } from './hooks';
import { Notices } from './Notices';
import { StatusLine } from './StatusLine';
import { nextTheme } from './theme';

const HelpDialog = lazy(() => import('./HelpDialog'));

const Frame = styled.div`
  display: grid;
  grid-template-rows: auto minmax(0, 1fr) auto;
  height: 100dvh;
  /* Very low windows (a page zoomed to 400 %) scroll as a whole. */
  min-height: 420px;
`;

const Main = styled.main<{ $both: boolean }>`
  display: grid;
  min-height: 0;
  background: var(--line);

  ${wide} {
    ${({ $both }) =>
      $both &&
      `
        grid-template-columns: minmax(0, 1fr) clamp(380px, 31vw, 560px);
        gap: 1px;
      `}
  }
`;

const Skip = styled.a`
  position: absolute;
  top: -60px;
  left: 8px;
  z-index: 3;
  padding: 8px 12px;
  border-radius: var(--radius);
  background: var(--accent-ground);
  color: var(--on-accent);

  &:focus {
    top: 8px;
  }
`;

export function App() {
  const dispatch = useAppDispatch();
  const store = useAppStore();
  const view = useAppSelector(({ place }) => place.view);
  const theme = useAppSelector(({ preferences }) => preferences.theme);
  const announcement = useAppSelector(({ announcements }) => announcements.text);
  const isWide = useMedia(WIDE);
  const [help, setHelp] = useState(false);
  useServerOffset(useAppSelector(({ connection }) => offsetMs(connection.serverClock)));

  useEffect(() => listenToKeys(document, () => store.getState().preferences.shortcuts), [store]);
  const openHelp = useCallback(() => {
    setHelp(true);
  }, []);
  useShortcut('?', openHelp);
  useShortcut('g t', () => dispatch(placeChanged({ view: 'tasks' })));
  useShortcut('g l', () => dispatch(placeChanged({ view: 'logs' })));
  useShortcut('t', () => dispatch(themeChosen(nextTheme(theme))));
  useShortcut('z', () => {
    const { zone } = store.getState().preferences;
    dispatch(zoneChosen(zone === 'utc' ? 'local' : 'utc'));
  });
  useShortcut('r', () => dispatch(duetimeApi.util.invalidateTags(['Tasks', 'Logs'])));

  const both = isWide && view === 'tasks';
  return (
    <Frame>
      <Skip href="#main">Skip to the content</Skip>
      <Header onHelp={openHelp} />
      <Main id="main" tabIndex={-1} $both={both}>
        {view === 'tasks' && <TasksPane />}
        {(both || view === 'logs') && <LogsPane />}
      </Main>
      <StatusLine />
      <Notices />
      <VisuallyHidden role="status" aria-live="polite">
        {announcement}
      </VisuallyHidden>
      {help && (
        <Suspense>
          <HelpDialog
            onClose={() => {
              setHelp(false);
            }}
          />
        </Suspense>
      )}
    </Frame>
  );
}
