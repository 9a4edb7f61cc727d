/** The line at the bottom: how the page stands with the API, and what time it is there. */

import { styled } from 'styled-components';
import { modeOf, type ConnectionMode } from '@/api/connection';
import { offsetMs } from '@/api/serverClock';
import { duetimeApi } from '@/api/duetimeApi';
import { VisuallyHidden } from '@/components/controls';
import { narrow } from '@/components/media';
import { useShownZone } from '@/components/Times';
import { duration, relative, shortInstant, timeOfDay, zoneName } from '@/time/format';
import { viewerZone } from '@/time/zones';
import { useNow } from '@/ui/now';
import { zoneChosen } from '@/ui/preferences';
import { useAppDispatch, useAppSelector } from './hooks';

const Line = styled.footer<{ $mode: ConnectionMode }>`
  display: flex;
  align-items: center;
  justify-content: space-between;
  gap: 12px;
  height: 30px;
  padding: 0 10px 0 16px;
  border-top: 1px solid var(--line);
  background: ${({ $mode }) => ($mode === 'lost' ? 'var(--bad-ground)' : 'var(--ground)')};
  color: ${({ $mode }) => ($mode === 'lost' ? 'var(--bad)' : 'var(--text-soft)')};
  font-size: var(--size-small);
`;

const Said = styled.div`
  display: flex;
  align-items: center;
  gap: 8px;
  min-width: 0;

  > [role='status'] {
    overflow: hidden;
    text-overflow: ellipsis;
    white-space: nowrap;
  }
`;

const DOTS: Record<ConnectionMode, string> = {
  connecting: 'var(--line-strong)',
  live: 'var(--good)',
  polling: 'var(--warn)',
  paused: 'var(--line-strong)',
  lost: 'var(--bad)',
};

const Dot = styled.span<{ $mode: ConnectionMode }>`
  flex: none;
  width: 8px;
  height: 8px;
  border-radius: 50%;
  background: ${({ $mode }) => DOTS[$mode]};
`;

const Plain = styled.button`
  flex: none;
  min-height: 26px;
  padding: 0 6px;
  border: 0;
  border-radius: 4px;
  background: none;
  color: inherit;
  font-size: inherit;
  cursor: pointer;

  &:hover {
    background: var(--hover);
    color: var(--text);
  }

  &:focus-visible {
    outline-offset: -2px;
  }
`;

const Extra = styled.span`
  ${narrow} {
    display: none;
  }
`;

const Shown = styled.span<{ $narrow: boolean }>`
  ${narrow} {
    display: ${({ $narrow }) => ($narrow ? 'contents' : 'none')};
  }
`;

export function StatusLine() {
  const dispatch = useAppDispatch();
  const mode = useAppSelector(({ connection }) => modeOf(connection));
  const lostSince = useAppSelector(({ connection }) => connection.lostSince);
  return (
    <Line $mode={mode}>
      <Said>
        <Dot $mode={mode} />
        <span role="status">
          {mode === 'lost' && lostSince !== null ? <Lost since={lostSince} /> : WORDS[mode]}
        </span>
        {mode === 'lost' && (
          <Plain
            type="button"
            onClick={() => dispatch(duetimeApi.util.invalidateTags(['Tasks', 'Logs']))}
          >
            Try now
          </Plain>
        )}
      </Said>
      {/* Narrow pages have room for one of the two. */}
      <Shown $narrow={mode !== 'lost'}>
        <Clock />
      </Shown>
    </Line>
  );
}

const WORDS: Record<ConnectionMode, string> = {
  connecting: 'Connecting…',
  live: 'Live',
  polling: 'Asking every 3 s (no live stream)',
  paused: 'Paused while nobody looks',
  lost: '',
};

function Lost({ since }: { since: number }) {
  const zone = useShownZone();
  const text = useNow((now) =>
    now - since < 86_400_000
      ? `${timeOfDay(since, zone)} ${zoneName(since, zone)}`
      : shortInstant(since, zone, now),
  );
  const ago = useNow((now) => relative(since, Math.max(now, since)));
  return (
    <>
      Connection lost since {text}
      <Extra aria-hidden="true"> ({ago}). What you see may be old.</Extra>
    </>
  );
}

function Clock() {
  const dispatch = useAppDispatch();
  const zone = useShownZone();
  const chosen = useAppSelector(({ preferences }) => preferences.zone);
  const ahead = useAppSelector(({ connection }) => offsetMs(connection.serverClock));
  const clock = useNow((now) => `${timeOfDay(now, zone)} ${zoneName(now, zone)}`);
  const other = chosen === 'utc' ? viewerZone() : 'UTC';
  return (
    <Plain
      type="button"
      title={`The server's clock. Times are shown in ${zone}; press for ${other} (z)`}
      onClick={() => dispatch(zoneChosen(chosen === 'utc' ? 'local' : 'utc'))}
    >
      {ahead !== 0 && (
        <Extra>
          Your clock is {duration(Math.abs(ahead) / 1000)} {ahead > 0 ? 'behind' : 'ahead'} ·{' '}
        </Extra>
      )}
      <Extra>{zone.replaceAll('_', ' ')} · </Extra>
      {clock}
      <VisuallyHidden>. Show times in {other}</VisuallyHidden>
    </Plain>
  );
}
