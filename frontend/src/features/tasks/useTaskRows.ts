/** The task list's rows with how the fetching stands. */

import { useCallback, useMemo } from 'react';
import { useTasksInfiniteQuery } from '@/api/duetimeApi';
import { admits, type TaskFilter } from '@/api/filter';
import { useAppSelector } from '@/app/hooks';
import { serverNow, useNow } from '@/ui/now';
import { rowsOf } from './rows';

/** Statuses that only time changes are looked at anew this often. */
const STATUS_CHECK_MS = 2_000;

export function useTaskRows() {
  const text = useAppSelector(({ place }) => place.text.trim());
  const status = useAppSelector(({ place }) => place.status);
  const filter: TaskFilter = useMemo(() => ({ text, status }), [text, status]);
  const { data, currentData, error, isFetchingNextPage, hasNextPage, fetchNextPage, refetch } =
    useTasksInfiniteQuery(filter);
  const deleted = useAppSelector(({ deletions }) => deletions.pending);
  const checked = useNow((now) => (status === null ? 0 : Math.floor(now / STATUS_CHECK_MS)));

  // While the answer to a new filter is on its way, what is here already is looked through.
  const pages = data?.pages;
  const all = useMemo(() => pages && rowsOf(pages, deleted), [pages, deleted]);
  const rows = useMemo(() => {
    // `checked` is the clock's part: overdue is a matter of time alone.
    const now = checked >= 0 ? serverNow() : 0;
    return all?.filter((task) => admits(filter, task, now));
  }, [all, filter, checked]);

  const fetchMore = useCallback(() => {
    if (hasNextPage && !isFetchingNextPage) {
      void fetchNextPage();
    }
  }, [hasNextPage, isFetchingNextPage, fetchNextPage]);

  return {
    /** undefined until the first answer. */
    rows,
    filter,
    filtered: text !== '' || status !== null,
    /** The answer to this filter is still on its way. */
    searching: currentData === undefined && error === undefined,
    /** There are more than are loaded. */
    more: hasNextPage,
    fetchMore,
    error,
    refetch,
  };
}
