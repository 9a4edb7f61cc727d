/** RTK Query's requests over axios: what failed is a Problem, headers worth knowing are `meta`. */

import type { BaseQueryApi, BaseQueryFn } from '@reduxjs/toolkit/query';
import type { AxiosInstance } from 'axios';
import type { RecentChanges } from './changes';
import { nextCursor } from './http';
import { problemOf, type Problem } from './problem';

export interface Wanted {
  url: string;
  method?: 'GET' | 'POST' | 'PUT' | 'DELETE';
  params?: Record<string, string | number>;
  body?: unknown;
  headers?: Record<string, string>;
  /** Let the request outlive the page. */
  keepalive?: boolean;
}

export interface Meta {
  status: number;
  next: string | null;
}

/** What the store hands to every request: made in `main`, not at import. */
export interface Services {
  http: AxiosInstance;
  recent: RecentChanges;
}

export function servicesOf(api: Pick<BaseQueryApi, 'extra'>): Services {
  // The store is made with exactly this; RTK does not carry its type here.
  return api.extra as Services;
}

export const axiosBaseQuery: BaseQueryFn<Wanted, unknown, Problem, object, Meta> = async (
  wanted,
  api,
) => {
  try {
    const response = await servicesOf(api).http.request<unknown>({
      url: wanted.url,
      method: wanted.method ?? 'GET',
      signal: api.signal,
      ...(wanted.params && { params: wanted.params }),
      ...(wanted.body !== undefined && { data: wanted.body }),
      ...(wanted.headers && { headers: wanted.headers }),
      ...(wanted.keepalive && { fetchOptions: { keepalive: true } }),
    });
    return {
      data: response.data,
      meta: { status: response.status, next: nextCursor(response.headers.link) },
    };
  } catch (fault) {
    return { error: problemOf(fault) };
  }
};
