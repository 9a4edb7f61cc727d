/**
 * The one way to the API: an axios instance that tells how requests fare.
 * Knows HTTP; not tasks, not Redux.
 */

import axios, { type AxiosInstance, type AxiosResponse } from 'axios';

/** A request of the page waits this long: the API itself waits at most a few seconds. */
const REQUEST_TIMEOUT_MS = 15_000;

/** Told of every request's fate; `Date` is the server's clock at some moment between the times. */
export interface Fares {
  answered: (sentAt: number, receivedAt: number, date: string | null) => void;
  unreachable: () => void;
}

export function createHttp(baseURL: string, fares: Fares): AxiosInstance {
  const http = axios.create({ baseURL, timeout: REQUEST_TIMEOUT_MS, adapter: 'fetch' });
  const sentAt = new WeakMap<object, number>();

  http.interceptors.request.use((config) => {
    sentAt.set(config, Date.now());
    return config;
  });

  const answered = (response: AxiosResponse): void => {
    const received = Date.now();
    const date: unknown = response.headers.date;
    fares.answered(
      sentAt.get(response.config) ?? received,
      received,
      typeof date === 'string' ? date : null,
    );
  };

  http.interceptors.response.use(
    (response) => {
      answered(response);
      return response;
    },
    (fault: unknown) => {
      if (axios.isAxiosError(fault) && fault.response && !isForeign(fault.response)) {
        answered(fault.response);
      } else if (!axios.isCancel(fault)) {
        fares.unreachable();
      }
      return Promise.reject(fault instanceof Error ? fault : new Error(String(fault)));
    },
  );
  return http;
}

/** A gateway answers for an API that does not: the API's own refusals are problem documents. */
function isForeign({ status, headers }: AxiosResponse): boolean {
  return (
    [502, 503, 504].includes(status) && !String(headers['content-type']).includes('problem+json')
  );
}

/** The cursor of the next page in a `Link` header; null on the last page. */
export function nextCursor(link: unknown): string | null {
  if (typeof link !== 'string') {
    return null;
  }
  const target = /<([^>]*)>\s*;[^,]*\brel="?next"?/.exec(link)?.[1];
  return target === undefined ? null : new URL(target, 'http://api').searchParams.get('cursor');
}

/** A fresh UUID; `crypto.randomUUID` is only there on secure origins, which a LAN address is not. */
export function freshKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
  return [8, 12, 16, 20, 32]
    .map((end, index, ends) => hex.slice(ends[index - 1] ?? 0, end))
    .join('-');
}
