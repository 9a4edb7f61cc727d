/** Notices at the bottom of the page. While someone is on them, none goes by itself. */

import { useEffect } from 'react';
import { styled } from 'styled-components';
import { Button, IconButton } from '@/components/controls';
import { Icon } from '@/components/Icon';
import { noticeGone, noticesHeld, type Notice } from '@/ui/notices';
import { useAppDispatch, useAppSelector } from './hooks';

/** Long enough to be read twice. */
const SHOWN_MS = 6_000;

const Stack = styled.div`
  position: fixed;
  bottom: 42px;
  left: 50%;
  z-index: 2;
  display: flex;
  flex-direction: column;
  gap: 8px;
  align-items: center;
  width: max-content;
  max-width: min(560px, calc(100vw - 24px));
  transform: translateX(-50%);
  pointer-events: none;
`;

const Card = styled.div<{ $bad: boolean }>`
  display: flex;
  align-items: center;
  gap: 8px;
  max-width: 100%;
  padding: 5px 6px 5px 14px;
  border-radius: 8px;
  background: var(--raised);
  box-shadow: var(--shadow);
  pointer-events: auto;

  > svg {
    flex: none;
    color: var(--bad);
  }

  > span {
    padding: 4px 0;
    overflow-wrap: anywhere;
  }
`;

export function Notices() {
  const dispatch = useAppDispatch();
  const notices = useAppSelector(({ notices }) => notices.shown);
  const held = useAppSelector(({ notices }) => notices.held);
  // A pointer that only rests where a notice comes up holds nothing: it has to move.
  const hold = (held: boolean) => () => dispatch(noticesHeld(held));
  return (
    <Stack
      role="region"
      aria-label="Notices"
      onPointerMove={held ? undefined : hold(true)}
      onPointerLeave={hold(false)}
      onFocus={hold(true)}
      onBlur={hold(false)}
    >
      {notices.map((notice) => (
        <Shown key={notice.id} notice={notice} />
      ))}
    </Stack>
  );
}

function Shown({ notice }: { notice: Notice }) {
  const dispatch = useAppDispatch();
  const held = useAppSelector(({ notices }) => notices.held);
  const { id, tone, text, offer, stays } = notice;

  useEffect(() => {
    if (stays || held) {
      return undefined;
    }
    const timer = setTimeout(() => dispatch(noticeGone({ id })), SHOWN_MS);
    return () => {
      clearTimeout(timer);
    };
  }, [dispatch, id, stays, held]);

  return (
    <Card $bad={tone === 'error'} role={tone === 'error' ? 'alert' : 'status'}>
      {tone === 'error' && <Icon name="warning" />}
      <span>{text}</span>
      {offer && (
        <Button
          type="button"
          $tone="quiet"
          onClick={() => {
            dispatch(offer.action);
            dispatch(noticeGone({ id }));
          }}
        >
          {offer.label}
        </Button>
      )}
      {!(stays && offer?.label === 'Undo') && (
        <IconButton type="button" aria-label="Dismiss" onClick={() => dispatch(noticeGone({ id }))}>
          <Icon name="close" />
        </IconButton>
      )}
    </Card>
  );
}
