/** The task list's rows with how the fetching stands. */

import { useCallback, useEffect, useMemo } from 'react';
import { useTasksInfiniteQuery } from '@/api/duetimeApi';
import { useAppSelector } from '@/app/hooks';
import { serverNow, useNow } from '@/ui/now';
import { filtered, isFiltered, rowsOf } from './rows';

/** Statuses that only time changes are looked at anew this often. */
const STATUS_CHECK_MS = 2_000;

export function useTaskRows() {
  const { data, error, isFetchingNextPage, hasNextPage, fetchNextPage, refetch } =
    useTasksInfiniteQuery(undefined);
  const deleted = useAppSelector(({ deletions }) => deletions.pending);
  const text = useAppSelector(({ place }) => place.text);
  const status = useAppSelector(({ place }) => place.status);
  const filter = useMemo(() => ({ text, status }), [text, status]);
  const checked = useNow((now) => (status === null ? 0 : Math.floor(now / STATUS_CHECK_MS)));

  const pages = data?.pages;
  const all = useMemo(() => pages && rowsOf(pages, deleted), [pages, deleted]);
  const rows = useMemo(
    // `checked` is the clock's part: overdue is a matter of time alone.
    () => (all && checked >= 0 ? filtered(all, filter, serverNow()) : undefined),
    [all, filter, checked],
  );

  const fetchMore = useCallback(() => {
    if (hasNextPage && !isFetchingNextPage) {
      void fetchNextPage();
    }
  }, [hasNextPage, isFetchingNextPage, fetchNextPage]);

  // A filter looks through everything, so everything has to be here.
  const searching = isFiltered(filter) && hasNextPage;
  useEffect(() => {
    if (searching) {
      fetchMore();
    }
  }, [searching, fetchMore, pages]);

  return {
    /** undefined until the first answer. */
    rows,
    filter,
    filtered: isFiltered(filter),
    searching,
    total: all?.length ?? 0,
    /** More tasks than are loaded. */
    more: hasNextPage,
    fetchMore,
    error,
    refetch,
  };
}
