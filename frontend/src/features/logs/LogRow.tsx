/** One line of the logs: when, which task, what happened. */

import { memo } from 'react';
import { styled } from 'styled-components';
import { Icon, type IconName } from '@/components/Icon';
import { Absolute } from '@/components/Times';
import { parseLine, type LineTone } from './logLine';

export const LINE_PX = 54;

const TONES: Record<LineTone, { color: string; icon: IconName; name: string }> = {
  good: { color: 'var(--good)', icon: 'done', name: 'Ran' },
  bad: { color: 'var(--bad)', icon: 'failed', name: 'Failed' },
  warn: { color: 'var(--warn)', icon: 'skipped', name: 'Skipped' },
  quiet: { color: 'var(--text-soft)', icon: 'dash', name: 'Ended' },
};

const Frame = styled.div`
  display: grid;
  grid-template:
    'mark what when' auto
    'mark said said' auto / 16px minmax(0, 1fr) auto;
  gap: 0 10px;
  align-content: center;
  min-height: ${LINE_PX}px;
  padding: 7px 14px;
  border-bottom: 1px solid var(--line);

  @container (min-width: 900px) {
    grid-template: 'when mark what said' auto / 178px 16px minmax(120px, 2fr) minmax(0, 3fr);
    align-items: center;
    min-height: 34px;
    padding-block: 6px;
  }
`;

const When = styled.div`
  grid-area: when;
  color: var(--text-soft);
  font-size: var(--size-small);
  line-height: 20px;
`;

const Mark = styled.div`
  grid-area: mark;
  display: flex;
  padding-top: 2px;

  @container (min-width: 900px) {
    padding-top: 0;
  }
`;

const What = styled.div`
  grid-area: what;
  overflow: hidden;
  font-weight: 500;
  text-overflow: ellipsis;
  white-space: nowrap;
`;

const Said = styled.div`
  grid-area: said;
  display: -webkit-box;
  overflow: hidden;
  color: var(--text-soft);
  font-size: var(--size-small);
  overflow-wrap: anywhere;
  -webkit-box-orient: vertical;
  -webkit-line-clamp: 3;
`;

const Plain = styled(Frame)`
  display: block;
  overflow-wrap: anywhere;
`;

export const LogRow = memo(function LogRow({ line }: { line: string }) {
  const parsed = parseLine(line);
  if (!parsed) {
    return <Plain>{line}</Plain>;
  }
  const tone = TONES[parsed.tone];
  return (
    <Frame title={line}>
      <Mark style={{ color: tone.color }}>
        <Icon name={tone.icon} />
      </Mark>
      <What>{parsed.description}</What>
      <Said style={parsed.tone === 'bad' ? { color: tone.color } : undefined}>
        {parsed.message}
      </Said>
      <When>
        <Absolute at={parsed.at} />
      </When>
    </Frame>
  );
});
