/** The bar at the top: the name, the views, the switches. */

import type { MouseEvent } from 'react';
import { styled } from 'styled-components';
import { IconButton } from '@/components/controls';
import { Icon } from '@/components/Icon';
import { addressOf, placeChanged, type View } from '@/ui/place';
import { themeChosen } from '@/ui/preferences';
import { useAppDispatch, useAppSelector } from './hooks';
import { nextTheme, THEMES } from './theme';

const Bar = styled.header`
  display: flex;
  align-items: center;
  gap: 4px;
  height: 46px;
  padding: 0 10px 0 14px;
  border-bottom: 1px solid var(--line);
  background: var(--ground);
`;

const Name = styled.h1`
  display: flex;
  align-items: center;
  gap: 8px;
  margin-right: 14px;
  font-size: 16px;
  font-weight: 650;
  letter-spacing: -0.01em;
`;

const Nav = styled.nav`
  display: flex;
  gap: 2px;
  margin-right: auto;
`;

const Link = styled.a`
  padding: 5px 10px;
  border-radius: var(--radius);
  color: var(--text-soft);
  font-weight: 500;
  text-decoration: none;

  &:hover {
    background: var(--line);
    color: var(--text);
  }

  &[aria-current] {
    background: var(--chosen);
    color: var(--accent);
  }
`;

const VIEWS: readonly { view: View; title: string }[] = [
  { view: 'tasks', title: 'Tasks' },
  { view: 'logs', title: 'Logs' },
];

export function Header({ onHelp }: { onHelp: () => void }) {
  const dispatch = useAppDispatch();
  const place = useAppSelector((state) => state.place);
  const theme = useAppSelector(({ preferences }) => preferences.theme);

  const go = (view: View) => (event: MouseEvent) => {
    // A new tab stays a new tab.
    if (!event.metaKey && !event.ctrlKey && !event.shiftKey) {
      event.preventDefault();
      dispatch(placeChanged({ view }));
    }
  };

  return (
    <Bar>
      <Name>
        <Logo />
        Duetime
      </Name>
      <Nav aria-label="Views">
        {VIEWS.map(({ view, title }) => (
          <Link
            key={view}
            href={addressOf({ ...place, view })}
            aria-current={place.view === view ? 'page' : undefined}
            onClick={go(view)}
          >
            {title}
          </Link>
        ))}
      </Nav>
      <IconButton
        type="button"
        aria-label={`Theme: ${THEMES[theme].words}. Switch`}
        title={`Theme: ${THEMES[theme].words} (t)`}
        onClick={() => dispatch(themeChosen(nextTheme(theme)))}
      >
        <Icon name={THEMES[theme].icon} />
      </IconButton>
      <IconButton
        type="button"
        aria-label="Keyboard help"
        title="Keyboard help (?)"
        onClick={onHelp}
      >
        <Icon name="help" />
      </IconButton>
    </Bar>
  );
}

function Logo() {
  return (
    <svg viewBox="0 0 32 32" width="22" height="22" aria-hidden="true">
      <circle cx="16" cy="16" r="13" fill="var(--accent-ground)" />
      <path
        d="M16 8.5V16l5.2 3.4"
        fill="none"
        stroke="#fff"
        strokeWidth="3"
        strokeLinecap="round"
        strokeLinejoin="round"
      />
      <circle cx="25.5" cy="6.5" r="5" fill="#e8a33d" stroke="var(--ground)" strokeWidth="2" />
    </svg>
  );
}
