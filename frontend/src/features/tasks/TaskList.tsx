/** The list of tasks: a grid that the keyboard walks, of which only what is in view is drawn. */

import { useCallback, useEffect, useMemo, useRef } from 'react';
import { styled } from 'styled-components';
import type { Task } from '@/api/types';
import { useAppDispatch, useAppSelector } from '@/app/hooks';
import { narrow, NARROW } from '@/components/media';
import { useShortcut } from '@/components/shortcuts';
import { useMedia } from '@/components/useMedia';
import { VirtualList, type VirtualListHandle } from '@/components/VirtualList';
import { placeChanged } from '@/ui/place';
import { deletionAsked } from './deletions';
import { editBegun } from './drafts';
import { rowActivated, rowShown } from './selection';
import { TaskEditor } from './TaskEditor';
import { COLUMNS, ROW_NARROW_PX, ROW_PX, TaskRow, type RowActs } from './TaskRow';

const PAGE_ROWS = 10;

const Table = styled.div`
  display: flex;
  flex: 1;
  flex-direction: column;
  min-height: 0;
`;

const Head = styled.div`
  ${COLUMNS}
  flex: none;
  align-items: center;
  height: 30px;
  border-bottom: 1px solid var(--line);
  color: var(--text-soft);
  font-size: var(--size-small);
  font-weight: 500;
  scrollbar-gutter: stable;
  overflow: hidden;
  scrollbar-width: thin;

  ${narrow} {
    position: absolute;
    width: 1px;
    height: 1px;
    clip-path: inset(50%);
  }
`;

const Body = styled.div`
  flex: 1;
  min-height: 0;
`;

const End = styled.p`
  padding: 14px 16px 20px;
  color: var(--text-soft);
  font-size: var(--size-small);
  text-align: center;
`;

interface Props {
  rows: readonly Task[];
  filtered: boolean;
  more: boolean;
  onNearEnd: () => void;
}

export function TaskList({ rows, filtered, more, onNearEnd }: Props) {
  const dispatch = useAppDispatch();
  const isNarrow = useMedia(NARROW);
  const edit = useAppSelector(({ drafts }) => drafts.edit);
  const activeId = useAppSelector(({ selection }) => selection.activeId);
  const wantedId = useAppSelector(({ selection }) => selection.wantedId);
  const list = useRef<VirtualListHandle>(null);
  const body = useRef<HTMLDivElement>(null);
  const keys = useMemo(() => rows.map(({ id }) => id), [rows]);
  const found = activeId === null ? -1 : keys.indexOf(activeId);
  const activeIndex = found < 0 ? 0 : found;
  const editIndex = edit ? keys.indexOf(edit.before.id) : -1;

  const focusRow = useCallback((index: number, id: string) => {
    list.current?.show(index);
    // The row may have to be drawn first.
    const focus = (tries: number): void => {
      const row = body.current?.querySelector<HTMLElement>(`[data-task="${CSS.escape(id)}"]`);
      if (row) {
        row.focus({ preventScroll: true });
      } else if (tries > 0) {
        requestAnimationFrame(() => {
          focus(tries - 1);
        });
      }
    };
    requestAnimationFrame(() => {
      focus(10);
    });
  }, []);

  const go = (index: number): void => {
    const bounded = Math.max(0, Math.min(rows.length - 1, index));
    const task = rows[bounded];
    if (task) {
      dispatch(rowActivated(task.id));
      focusRow(bounded, task.id);
    }
  };

  // From elsewhere on the page both lead to the row where the list was left.
  const enter = (): void => {
    go(activeIndex);
  };
  useShortcut('j', enter);
  useShortcut('k', enter);

  // Something wants a row to be seen: a notice's button, a refused change.
  useEffect(() => {
    const index = wantedId === null ? -1 : keys.indexOf(wantedId);
    if (wantedId !== null && index >= 0) {
      focusRow(index, wantedId);
      dispatch(rowShown());
    }
  }, [wantedId, keys, focusRow, dispatch]);

  const remove = useCallback(
    (task: Task) => {
      const index = keys.indexOf(task.id);
      const neighbour = rows[index + 1] ?? rows[index - 1];
      dispatch(deletionAsked(task));
      if (neighbour) {
        dispatch(rowActivated(neighbour.id));
        focusRow(keys.indexOf(neighbour.id) - (rows[index + 1] ? 1 : 0), neighbour.id);
      }
    },
    [dispatch, focusRow, keys, rows],
  );

  const latest = useRef(remove);
  useEffect(() => {
    latest.current = remove;
  });
  const acts: RowActs = useMemo(
    () => ({
      edit: (task) => dispatch(editBegun(task)),
      remove: (task) => {
        latest.current(task);
      },
      showLogs: (task) =>
        dispatch(
          placeChanged({ logTask: task.id, logText: '', ...(!isWide() && { view: 'logs' }) }),
        ),
      activate: (task) => dispatch(rowActivated(task.id)),
    }),
    [dispatch],
  );

  const pressed = (event: React.KeyboardEvent): void => {
    const onRow = event.target instanceof HTMLElement && event.target.role === 'row';
    const task = rows[activeIndex];
    if (event.ctrlKey || event.metaKey || event.altKey || !task) {
      return;
    }
    const moves: Record<string, number> = {
      ArrowDown: activeIndex + 1,
      ArrowUp: activeIndex - 1,
      j: activeIndex + 1,
      k: activeIndex - 1,
      Home: 0,
      End: rows.length - 1,
      PageDown: activeIndex + PAGE_ROWS,
      PageUp: activeIndex - PAGE_ROWS,
    };
    const next = moves[event.key];
    const act = { e: acts.edit, x: acts.remove, Delete: acts.remove, l: acts.showLogs }[event.key];
    if (next !== undefined) {
      event.preventDefault();
      go(next);
    } else if (act) {
      event.preventDefault();
      act(task);
    } else if (event.key === 'Enter' && onRow) {
      event.preventDefault();
      acts.edit(task);
    }
  };

  return (
    <Table
      role="grid"
      aria-label="Tasks"
      aria-rowcount={more ? -1 : rows.length + 1}
      aria-readonly="true"
      onKeyDown={pressed}
    >
      <div role="rowgroup">
        <Head role="row" aria-rowindex={1}>
          <span role="columnheader">Status</span>
          <span role="columnheader">Task</span>
          <span role="columnheader">Next due</span>
          <span role="columnheader">Last run</span>
          <span role="columnheader">
            <Hidden>Actions</Hidden>
          </span>
        </Head>
      </div>
      <Body ref={body} role="presentation">
        <VirtualList
          handle={list}
          keys={keys}
          rowHeight={isNarrow ? ROW_NARROW_PX : ROW_PX}
          pinned={editIndex >= 0 ? editIndex : activeIndex}
          onNearEnd={onNearEnd}
          scroller={{ role: 'presentation' }}
          canvas={{ role: 'rowgroup' }}
          footer={<End role="presentation">{endWords(rows.length, filtered, more)}</End>}
          render={(index) => {
            const task = rows[index];
            if (!task) {
              return null;
            }
            return edit && index === editIndex ? (
              <div role="row" aria-rowindex={index + 2}>
                <div role="gridcell">
                  <TaskEditor
                    edit={edit}
                    task={task}
                    onLeave={() => {
                      focusRow(index, task.id);
                    }}
                  />
                </div>
              </div>
            ) : (
              <TaskRow
                task={task}
                position={index + 1}
                active={index === activeIndex}
                acts={acts}
              />
            );
          }}
        />
      </Body>
    </Table>
  );
}

const Hidden = styled.span`
  position: absolute;
  width: 1px;
  height: 1px;
  overflow: hidden;
  clip-path: inset(50%);
`;

function isWide(): boolean {
  return window.matchMedia('(min-width: 1100px)').matches;
}

function endWords(count: number, filtered: boolean, more: boolean): string {
  if (more) {
    return 'Loading more tasks…';
  }
  const tasks = count === 1 ? '1 task' : `${count.toLocaleString('en')} tasks`;
  return filtered ? `${tasks} found` : `${tasks} in all`;
}
