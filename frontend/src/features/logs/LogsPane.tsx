/** The execution logs: newest first, live, searchable. */

import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { styled } from 'styled-components';
import { useLogsInfiniteQuery } from '@/api/duetimeApi';
import { said } from '@/api/problem';
import { useAppDispatch, useAppSelector } from '@/app/hooks';
import { Blank, Skeleton } from '@/components/Blank';
import { Button, IconButton } from '@/components/controls';
import { Icon } from '@/components/Icon';
import { narrow } from '@/components/media';
import { Pane, PaneBar, PaneTitle } from '@/components/Pane';
import { SearchField } from '@/components/SearchField';
import { VirtualList, type VirtualListHandle } from '@/components/VirtualList';
import { noticed } from '@/ui/notices';
import { placeChanged } from '@/ui/place';
import { parseLine } from './logLine';
import { LINE_PX, LogRow } from './LogRow';

/** A search looks through this many lines by itself, then asks whether to go on. */
const LOOKED_THROUGH_LINES = 20_000;

const Body = styled.div`
  container-type: inline-size;
  position: relative;
  flex: 1;
  min-height: 0;
`;

const Fresh = styled(Button)`
  position: absolute;
  top: 8px;
  left: 50%;
  z-index: 1;
  min-height: 28px;
  border-color: transparent;
  border-radius: 14px;
  box-shadow: var(--shadow);
  font-size: var(--size-small);
  transform: translateX(-50%);
`;

const Bar = styled(PaneBar)`
  flex-wrap: nowrap;

  ${narrow} {
    flex-wrap: wrap;
  }
`;

const Only = styled.span`
  display: inline-flex;
  flex: 0 1 auto;
  align-items: center;
  gap: 2px;
  min-width: 0;
  max-width: 46%;
  padding-left: 10px;
  border-radius: var(--radius);
  background: var(--chosen);
  color: var(--accent);
  font-size: var(--size-small);
  font-weight: 500;

  > span {
    overflow: hidden;
    text-overflow: ellipsis;
    white-space: nowrap;
  }

  ${narrow} {
    order: 1;
    max-width: 100%;
    margin-bottom: 4px;
  }
`;

const End = styled.div`
  padding: 12px 16px 20px;
  color: var(--text-soft);
  font-size: var(--size-small);
  text-align: center;
`;

function useLogLines() {
  const { data, error, hasNextPage, isFetchingNextPage, fetchNextPage, refetch } =
    useLogsInfiniteQuery(undefined);
  const text = useAppSelector(({ place }) => place.logText);
  const task = useAppSelector(({ place }) => place.logTask);
  const pages = data?.pages;
  const all = useMemo(() => pages && [...new Set(pages.flatMap(({ lines }) => lines))], [pages]);
  const lines = useMemo(() => {
    const wanted = text.trim().toLowerCase();
    return task === null && wanted === ''
      ? all
      : all?.filter(
          (line) =>
            (task === null || line.includes(`(${task})`)) && line.toLowerCase().includes(wanted),
        );
  }, [all, text, task]);
  const fetchMore = useCallback(() => {
    if (hasNextPage && !isFetchingNextPage) {
      void fetchNextPage();
    }
  }, [hasNextPage, isFetchingNextPage, fetchNextPage]);
  const filtered = task !== null || text.trim() !== '';
  const looking = filtered && hasNextPage && (all?.length ?? 0) < LOOKED_THROUGH_LINES;
  useEffect(() => {
    if (looking) {
      fetchMore();
    }
  }, [looking, fetchMore, pages]);
  return {
    lines,
    text,
    task,
    filtered,
    looking,
    more: hasNextPage,
    cut: pages?.some((page) => page.cut) ?? false,
    total: all?.length ?? 0,
    fetchMore,
    error,
    refetch,
  };
}

export function LogsPane() {
  const { lines, text, task, filtered, looking, more, cut, total, fetchMore, error, refetch } =
    useLogLines();
  const dispatch = useAppDispatch();
  const list = useRef<VirtualListHandle>(null);
  /** The newest line when the reader left the top: what came since is new to them. */
  const [leftAt, setLeftAt] = useState<string | null>(null);
  const newest = lines?.[0] ?? null;
  const scrolled = useCallback(
    (away: boolean) => {
      setLeftAt((before) => (away ? (before ?? newest) : null));
    },
    [newest],
  );
  const unseen = leftAt === null || !lines ? 0 : Math.max(0, lines.indexOf(leftAt));
  const name = task === null || !lines?.[0] ? null : (parseLine(lines[0])?.description ?? null);

  const copy = async (): Promise<void> => {
    const copied = (lines ?? []).join('\n');
    const count = lines?.length ?? 0;
    try {
      await navigator.clipboard.writeText(copied);
      dispatch(
        noticed({
          id: 'copied',
          tone: 'plain',
          text: `Copied ${count.toLocaleString('en')} lines`,
        }),
      );
    } catch {
      dispatch(
        noticed({ id: 'copied', tone: 'error', text: 'The browser does not let this page copy' }),
      );
    }
  };

  return (
    <Pane aria-labelledby="logs-title">
      <Bar>
        <PaneTitle id="logs-title">Logs</PaneTitle>
        <SearchField
          id="log-search"
          label="Search logs"
          value={text}
          onChange={(logText) => dispatch(placeChanged({ logText }))}
        />
        {task !== null && (
          <Only>
            <span>{name === null ? 'One task' : `“${name}”`}</span>
            <IconButton
              type="button"
              aria-label="Show the logs of all tasks"
              onClick={() => dispatch(placeChanged({ logTask: null }))}
            >
              <Icon name="close" />
            </IconButton>
          </Only>
        )}
        <IconButton
          type="button"
          aria-label="Copy the lines shown"
          title="Copy the lines shown"
          disabled={!lines?.length}
          onClick={() => void copy()}
          style={{ marginLeft: 'auto' }}
        >
          <Icon name="copy" />
        </IconButton>
      </Bar>
      {lines === undefined ? (
        error ? (
          <Blank icon="warning" tone="bad" title="The logs could not be loaded">
            <p>{said(error)}</p>
            <Button type="button" onClick={() => void refetch()}>
              Try again
            </Button>
          </Blank>
        ) : (
          <Skeleton rows={8} rowHeight={LINE_PX} label="Loading logs" />
        )
      ) : lines.length > 0 ? (
        <Body>
          {unseen > 0 && (
            <Fresh
              type="button"
              onClick={() => {
                list.current?.toTop();
              }}
            >
              <Icon name="up" size={14} />
              {unseen.toLocaleString('en')} new
            </Fresh>
          )}
          <VirtualList
            handle={list}
            keys={lines}
            rowHeight={LINE_PX}
            onNearEnd={fetchMore}
            onScrolled={scrolled}
            scroller={{ tabIndex: 0, role: 'region', 'aria-label': 'Log lines, newest first' }}
            canvas={{ role: 'list' }}
            slotRole="listitem"
            footer={
              <End>
                {cut ? (
                  <Button type="button" $tone="quiet" onClick={() => void refetch()}>
                    Load older lines
                  </Button>
                ) : more ? (
                  'Loading older lines…'
                ) : (
                  'The beginning'
                )}
              </End>
            }
            render={(index) => {
              const line = lines[index];
              return line === undefined ? null : <LogRow line={line} />;
            }}
          />
        </Body>
      ) : filtered ? (
        <Blank icon="search" title={looking ? 'Searching…' : 'No line matches'}>
          <p>
            {task !== null && text.trim() === '' && !more
              ? 'This task has not run yet.'
              : `None of the newest ${total.toLocaleString('en')} lines does.`}
          </p>
          {more && !looking && (
            <Button type="button" onClick={fetchMore}>
              Look further back
            </Button>
          )}
          <Button
            type="button"
            onClick={() => dispatch(placeChanged({ logText: '', logTask: null }))}
          >
            Show all lines
          </Button>
        </Blank>
      ) : (
        <Blank icon="lines" title="Nothing has run yet">
          <p>
            Every run leaves a line here: when, which task, what came of it, and how late it was.
          </p>
        </Blank>
      )}
    </Pane>
  );
}
