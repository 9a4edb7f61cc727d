/** What stands where a list would: nothing yet, nothing found, nothing to be had, still coming. */

import type { ReactNode } from 'react';
import { keyframes, styled } from 'styled-components';
import { Icon, type IconName } from './Icon';

const Frame = styled.div`
  display: flex;
  flex-direction: column;
  align-items: center;
  gap: 10px;
  max-width: 46ch;
  margin: 0 auto;
  padding: clamp(28px, 9vh, 96px) 20px 40px;
  text-align: center;
  text-wrap: pretty;
  color: var(--text-soft);

  h3 {
    color: var(--text);
    font-size: var(--size-title);
    font-weight: 600;
  }
`;

const Mark = styled.span<{ $bad: boolean }>`
  display: grid;
  place-items: center;
  width: 40px;
  height: 40px;
  border-radius: 50%;
  background: ${({ $bad }) => ($bad ? 'var(--bad-ground)' : 'var(--chosen)')};
  color: ${({ $bad }) => ($bad ? 'var(--bad)' : 'var(--accent)')};
`;

interface Props {
  icon: IconName;
  title: string;
  tone?: 'plain' | 'bad';
  children?: ReactNode;
}

export function Blank({ icon, title, tone = 'plain', children }: Props) {
  return (
    <Frame role={tone === 'bad' ? 'alert' : undefined}>
      <Mark $bad={tone === 'bad'}>
        <Icon name={icon} size={20} />
      </Mark>
      <h3>{title}</h3>
      {children}
    </Frame>
  );
}

const breathe = keyframes`
  50% { opacity: 0.45; }
`;

const Bars = styled.div<{ $height: number }>`
  > div {
    display: flex;
    align-items: center;
    gap: 16px;
    height: ${({ $height }) => $height}px;
    padding: 0 16px;
    border-bottom: 1px solid var(--line);
  }

  span {
    height: 10px;
    border-radius: 5px;
    background: var(--line);
    animation: ${breathe} 1.6s ease-in-out infinite;
  }

  span:first-child {
    flex: 0 0 84px;
  }

  span:nth-child(2) {
    flex: 0 1 46%;
  }
`;

/** Rows of the height of the real ones, so that nothing moves when those come. */
export function Skeleton({
  rows,
  rowHeight,
  label,
}: {
  rows: number;
  rowHeight: number;
  label: string;
}) {
  return (
    <Bars $height={rowHeight} role="status" aria-label={label}>
      {Array.from({ length: rows }, (_, index) => (
        <div key={index} aria-hidden="true">
          <span />
          <span />
        </div>
      ))}
    </Bars>
  );
}
