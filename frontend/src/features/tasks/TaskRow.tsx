/** One task: how it stands, what it is, when it is due, how its last run went. */

import { memo } from 'react';
import { css, keyframes, styled } from 'styled-components';
import { statusAt } from '@/api/filter';
import type { LastRun, Task, TaskStatus } from '@/api/types';
import { IconButton } from '@/components/controls';
import { Icon, type IconName } from '@/components/Icon';
import { narrow } from '@/components/media';
import { Absolute, Relative } from '@/components/Times';
import { elapsed } from '@/time/format';
import { serverNow, useNow } from '@/ui/now';
import {
  excerpt,
  isGuess,
  runWords,
  scheduleWords,
  STATUS_MEANINGS,
  STATUS_WORDS,
  type RunTone,
} from './wording';

export const ROW_PX = 54;
/** With a title of one line; a longer one takes two. */
export const ROW_NARROW_PX = 102;

export const COLUMNS = css`
  display: grid;
  grid-template-columns: 124px minmax(128px, 4fr) minmax(150px, 1fr) minmax(132px, 1fr) 102px;
  gap: 0 14px;
  padding: 0 12px 0 16px;
`;

const Row = styled.div<{ $faint: boolean }>`
  ${COLUMNS}
  align-items: center;
  height: ${ROW_PX}px;
  border-bottom: 1px solid var(--line);
  background: var(--surface);
  opacity: ${({ $faint }) => ($faint ? 0.62 : 1)};

  &:hover {
    background: var(--hover);
  }

  &:focus-visible {
    outline-offset: -2px;
  }

  ${narrow} {
    grid-template:
      'what what actions' minmax(24px, auto)
      'status plan plan' minmax(20px, auto)
      'due due due' 20px
      'ran ran ran' 20px / auto minmax(0, 1fr) auto;
    gap: 0 10px;
    align-items: start;
    height: auto;
    min-height: ${ROW_NARROW_PX}px;
    padding: 9px 6px 8px 12px;
    font-size: var(--size-small);
    line-height: 20px;
  }
`;

const Cell = styled.div<{ $area: string }>`
  min-width: 0;

  ${narrow} {
    grid-area: ${({ $area }) => $area};
  }
`;

const Line = styled.div`
  overflow: hidden;
  text-overflow: ellipsis;
  white-space: nowrap;
`;

const Title = styled(Line)`
  font-weight: 500;

  ${narrow} {
    display: -webkit-box;
    font-size: 14px;
    overflow-wrap: anywhere;
    white-space: normal;
    -webkit-box-orient: vertical;
    -webkit-line-clamp: 2;
  }
`;

/** What and by which plan: one cell, of which the plan stands beside the status on narrow pages. */
const What = styled.div`
  min-width: 0;

  ${narrow} {
    display: contents;

    > :first-child {
      grid-area: what;
    }

    > :last-child {
      grid-area: plan;
      /* The zone is never cut off. */
      white-space: normal;
    }
  }
`;

const Soft = styled(Line)`
  color: var(--text-soft);
  font-size: var(--size-small);
`;

/** Two lines on wide pages, one on narrow ones. */
const Pair = styled.div`
  ${narrow} {
    display: flex;
    flex: 1;
    gap: 8px;
    min-width: 0;

    > * {
      flex: none;
    }

    > :last-child {
      flex: 1 1 0;
    }
  }
`;

const NarrowLabel = styled.span`
  display: none;
  color: var(--text-soft);

  ${narrow} {
    display: inline;
  }
`;

const Labelled = styled.div`
  ${narrow} {
    display: flex;
    gap: 4px;
  }
`;

const TONES: Record<TaskStatus, string> = {
  scheduled: 'var(--text-soft)',
  running: 'var(--busy)',
  waiting: 'var(--warn)',
  paused: 'var(--text-soft)',
  finished: 'var(--text-soft)',
  overdue: 'var(--bad)',
  deleted: 'var(--text-soft)',
};

const ICONS: Record<TaskStatus, IconName> = {
  scheduled: 'clock',
  running: 'running',
  waiting: 'retry',
  paused: 'paused',
  finished: 'done',
  overdue: 'overdue',
  deleted: 'trash',
};

const Mark = styled.span<{ $color: string }>`
  display: flex;
  align-items: center;
  gap: 6px;
  width: fit-content;
  max-width: 100%;
  color: ${({ $color }) => $color};
  font-weight: 500;

  svg {
    flex: none;
  }
`;

const glow = keyframes`
  from { background: var(--chosen); }
`;

const Ran = styled.div<{ $fresh: boolean }>`
  border-radius: 4px;

  ${narrow} {
    display: flex;
    gap: 4px;
  }

  ${({ $fresh }) =>
    $fresh &&
    css`
      animation: ${glow} 1.6s ease-out;
    `}
`;

const Actions = styled(Cell)`
  display: flex;
  justify-content: flex-end;
  gap: 2px;

  ${narrow} {
    gap: 4px;
    margin-block: -4px;

    > button {
      width: 34px;
      height: 32px;
    }
  }
`;

const RUN_TONES: Record<RunTone, string> = {
  good: 'var(--good)',
  late: 'var(--warn)',
  bad: 'var(--bad)',
  busy: 'var(--busy)',
  quiet: 'var(--text-soft)',
};

const RUN_NAMES: Record<RunTone, string> = {
  good: 'Succeeded',
  late: 'Succeeded, but late',
  bad: 'Failed',
  busy: 'Running',
  quiet: 'Cancelled',
};

const RUN_ICONS: Record<RunTone, IconName> = {
  good: 'done',
  late: 'clock',
  bad: 'failed',
  busy: 'running',
  quiet: 'dash',
};

export interface RowActs {
  edit: (task: Task) => void;
  remove: (task: Task) => void;
  showLogs: (task: Task) => void;
  activate: (task: Task) => void;
}

interface Props {
  task: Task;
  /** Its place in the list, from 1; the head is row 1 of the grid. */
  position: number;
  active: boolean;
  acts: RowActs;
}

export const TaskRow = memo(function TaskRow({ task, position, active, acts }: Props) {
  const status = useNow((now) => statusAt(task, now));
  const guess = isGuess(task);
  const tab = active ? 0 : -1;
  const name = excerpt(task.description);
  return (
    <Row
      role="row"
      aria-rowindex={position + 1}
      data-task={task.id}
      data-status={status}
      tabIndex={tab}
      $faint={guess}
      onFocus={() => {
        acts.activate(task);
      }}
    >
      <Cell $area="status" role="gridcell">
        <Mark $color={TONES[status]} title={STATUS_MEANINGS[status]}>
          <Icon name={ICONS[status]} />
          <Line as="span">{guess ? 'Saving…' : STATUS_WORDS[status]}</Line>
        </Mark>
      </Cell>
      <What role="gridcell">
        <Title title={task.description}>{task.description}</Title>
        <Soft>{scheduleWords(task)}</Soft>
      </What>
      <Cell $area="due" role="gridcell">
        <Due task={task} />
      </Cell>
      <Cell $area="ran" role="gridcell">
        {task.last_run ? <Last run={task.last_run} /> : <Soft>Not yet run</Soft>}
      </Cell>
      <Actions $area="actions" role="gridcell">
        <IconButton
          type="button"
          tabIndex={tab}
          disabled={guess}
          aria-label={`Logs of ${name}`}
          title="Logs (l)"
          onClick={() => {
            acts.showLogs(task);
          }}
        >
          <Icon name="lines" />
        </IconButton>
        <IconButton
          type="button"
          tabIndex={tab}
          disabled={guess}
          aria-label={`Edit ${name}`}
          title="Edit (e)"
          onClick={() => {
            acts.edit(task);
          }}
        >
          <Icon name="edit" />
        </IconButton>
        <IconButton
          type="button"
          tabIndex={tab}
          disabled={guess}
          aria-label={`Delete ${name}`}
          title="Delete (x)"
          onClick={() => {
            acts.remove(task);
          }}
        >
          <Icon name="trash" />
        </IconButton>
      </Actions>
    </Row>
  );
});

function Due({ task }: { task: Task }) {
  if (task.next_due_at === null) {
    return <Soft>{task.status === 'paused' ? 'Not due while paused' : 'Nothing due'}</Soft>;
  }
  return (
    <Labelled>
      <NarrowLabel>Next due: </NarrowLabel>
      <Pair>
        <Line>
          <Absolute at={task.next_due_at} />
        </Line>
        <Soft>
          <Relative at={task.next_due_at} />
        </Soft>
      </Pair>
    </Labelled>
  );
}

/** A run that ended this short a while ago lights up. */
const FRESH_MS = 3_000;

function Last({ run }: { run: LastRun }) {
  const { text, tone } = runWords(run);
  const at = run.finished_at ?? run.started_at ?? run.due_at;
  const name = run.skipped === null ? RUN_NAMES[tone] : 'Skipped';
  return (
    <Ran key={at} $fresh={serverNow() - Date.parse(at) < FRESH_MS}>
      <NarrowLabel>Last run: </NarrowLabel>
      <Pair>
        <Mark $color={RUN_TONES[tone]} title={run.error ?? name}>
          <Icon name={run.skipped === null ? RUN_ICONS[tone] : 'skipped'} />
          <Line as="span">{text}</Line>
        </Mark>
        <Soft title={run.error ?? undefined}>
          {run.error ??
            (run.outcome === null && run.skipped === null ? <For at={at} /> : <Absolute at={at} />)}
        </Soft>
      </Pair>
    </Ran>
  );
}

/** How long a run has been going on. */
function For({ at }: { at: string }) {
  const started = Date.parse(at);
  return <>{useNow((now) => `for ${elapsed(started, now)}`)}</>;
}
