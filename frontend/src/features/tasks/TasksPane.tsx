/** Tasks: the form, the filters, and the list or what stands in its place. */

import { styled } from 'styled-components';
import { said } from '@/api/problem';
import { useAppDispatch, useAppSelector } from '@/app/hooks';
import { Blank, Skeleton } from '@/components/Blank';
import { Button, Kbd } from '@/components/controls';
import { Icon } from '@/components/Icon';
import { NARROW, narrow } from '@/components/media';
import { Pane, PaneBar, PaneTitle } from '@/components/Pane';
import { SearchField } from '@/components/SearchField';
import { useShortcut } from '@/components/shortcuts';
import { useMedia } from '@/components/useMedia';
import { placeChanged, STATUS_FILTERS } from '@/ui/place';
import { deletionTakenBack } from './deletions';
import { formOpened } from './drafts';
import { FORM_ID, TaskForm } from './TaskForm';
import { TaskList } from './TaskList';
import { ROW_NARROW_PX, ROW_PX } from './TaskRow';
import { useTaskRows } from './useTaskRows';
import { STATUS_WORDS } from './wording';

const Chips = styled.fieldset`
  display: flex;
  flex: 0 1 auto;
  gap: 2px;
  min-width: 0;
  margin-left: auto;

  ${narrow} {
    flex: 1 0 100%;
    order: 3;
    margin: 0 -12px;
    padding: 0 12px 4px;
    overflow-x: auto;
    scrollbar-width: none;
  }
`;

const Chip = styled.label`
  position: relative;
  flex: none;
  padding: 4px 9px;
  border-radius: var(--radius);
  color: var(--text-soft);
  font-size: var(--size-small);
  font-weight: 500;
  line-height: 20px;
  cursor: pointer;

  &:hover {
    background: var(--hover);
  }

  &:has(:checked) {
    background: var(--chosen);
    color: var(--accent);
  }

  &:has(:focus-visible) {
    outline: 2px solid var(--accent);
  }

  input {
    position: absolute;
    inset: 0;
    margin: 0;
    opacity: 0;
    cursor: pointer;
  }
`;

export function TasksPane() {
  const { rows, filter, filtered, searching, more, fetchMore, error, refetch } = useTaskRows();
  const dispatch = useAppDispatch();
  const isNarrow = useMedia(NARROW);
  const newestDeletion = useAppSelector(({ deletions }) => deletions.order.at(-1));
  const view = useAppSelector(({ place }) => place.view);

  const formOpen = useAppSelector(({ drafts }) => drafts.formOpen);
  const begin = (): void => {
    dispatch(formOpened(true));
    // After the form is shown: on narrow pages it was not.
    requestAnimationFrame(() => document.getElementById(`${FORM_ID}-description`)?.focus());
  };

  useShortcut('n', begin);
  useShortcut('u', () => {
    if (newestDeletion !== undefined) {
      dispatch(deletionTakenBack({ id: newestDeletion }));
    }
  });
  useShortcut('/', () => {
    document.getElementById(view === 'logs' ? 'log-search' : 'task-search')?.focus();
  });

  return (
    <Pane aria-labelledby="tasks-title">
      <TaskForm />
      <PaneBar>
        <PaneTitle id="tasks-title">
          Tasks
          {/* Its place is kept while they load: nothing beside it moves. */}
          <span>
            {rows?.length.toLocaleString('en')}
            {more && '+'}
          </span>
        </PaneTitle>
        <SearchField
          id="task-search"
          label="Search tasks"
          value={filter.text}
          onChange={(text) => dispatch(placeChanged({ text }))}
        />
        {isNarrow && (
          <Button
            type="button"
            $tone="primary"
            aria-expanded={formOpen}
            aria-controls={FORM_ID}
            onClick={begin}
          >
            <Icon name="plus" /> New
          </Button>
        )}
        <Chips aria-label="Show tasks that are">
          {([null, ...STATUS_FILTERS] as const).map((status) => (
            <Chip key={status ?? 'all'}>
              <input
                type="radio"
                name="status"
                checked={filter.status === status}
                onChange={() => dispatch(placeChanged({ status }))}
              />
              {status === null ? 'All' : status === 'waiting' ? 'Waiting' : STATUS_WORDS[status]}
            </Chip>
          ))}
        </Chips>
      </PaneBar>
      {rows === undefined ? (
        error ? (
          <Blank icon="warning" tone="bad" title="The tasks could not be loaded">
            <p>{said(error)}</p>
            <Button type="button" onClick={() => void refetch()}>
              Try again
            </Button>
          </Blank>
        ) : (
          <Skeleton
            rows={isNarrow ? 5 : 9}
            rowHeight={isNarrow ? ROW_NARROW_PX : ROW_PX}
            label="Loading tasks"
          />
        )
      ) : rows.length > 0 ? (
        <TaskList rows={rows} filtered={filtered} more={more} onNearEnd={fetchMore} />
      ) : searching ? (
        <Skeleton
          rows={isNarrow ? 5 : 9}
          rowHeight={isNarrow ? ROW_NARROW_PX : ROW_PX}
          label="Searching"
        />
      ) : filtered ? (
        <Blank icon="search" title="No task matches">
          <p>None {filterWords(filter)}.</p>
          <Button type="button" onClick={() => dispatch(placeChanged({ text: '', status: null }))}>
            Show all tasks
          </Button>
        </Blank>
      ) : (
        <Blank icon="clock" title="No tasks yet">
          <p>
            Say what is to happen and when, and it runs at its time, once or every day. It appears
            here at once, and in the logs when it has run.{' '}
            {!isNarrow && (
              <>
                Press <Kbd>n</Kbd> to begin.
              </>
            )}
          </p>
        </Blank>
      )}
    </Pane>
  );
}

function filterWords({ text, status }: { text: string; status: string | null }): string {
  const is = status === null ? '' : `is ${status}`;
  const says = text.trim() === '' ? '' : `contains “${text.trim()}”`;
  return [is, says].filter(Boolean).join(' and ');
}
