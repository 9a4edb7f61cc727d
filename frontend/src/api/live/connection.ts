/**
 * The live connection: follows GET /events while someone looks at the page, and asks again and
 * again (polling) while the stream is not to be had. Nothing is asked while the tab is hidden.
 *
 * After a gap the lists are fetched anew; after a short one the stream resumes where it was
 * (`Last-Event-ID`), so that nothing is missed in between either way.
 * Knows the stream and when to retry; what changes mean to the lists is `changes`.
 */

import { isAxiosError, type AxiosInstance } from 'axios';
import type { Change } from '@/api/changes';
import type { Run, Task } from '@/api/types';
import { readEvents, type StreamEvent } from './eventStream';

/** The API beats every 15 s: two beats missed and a little. */
const SILENCE_MS = 40_000;
const POLL_MS = 3_000;
/** Polling takes at most a fifth of the time, however long the lists are. */
const POLL_PAUSE_FACTOR = 4;
/** Waits between tries to open the stream: doubling, to a bound that a person still sits through. */
const RETRY_MS = [500, 1_000, 2_000, 4_000, 8_000] as const;
/** An API that has no stream at all is asked for one this often. */
const RETRY_ABSENT_MS = 60_000;
/** Longer gaps are closed by fetching the lists anew, not by replaying every change. */
const RESUME_MS_MAX = 60_000;
/** Changes are handed on together: a thousand runs a second must not be a thousand renders. */
const GATHER_MS = 100;

export interface LiveEffects {
  opened: () => void;
  ended: () => void;
  visibility: (hidden: boolean) => void;
  changes: (changes: readonly Change[]) => void;
  /** Fetch the lists that are shown anew; settles when that is done. */
  refetch: () => Promise<void>;
}

interface Told {
  type?: unknown;
  task?: Task;
  id?: string;
  run?: Run;
  line?: string;
}

function read(text: string): Told {
  try {
    const told: unknown = JSON.parse(text);
    return typeof told === 'object' && told !== null ? told : {};
  } catch {
    return {};
  }
}

/** What an event of the stream says; nothing where it is of a kind that is not known here. */
export function changesOf(event: StreamEvent): Change[] {
  const told = read(event.text);
  if (told.type === 'task' && told.task) {
    return told.task.status === 'deleted'
      ? [{ type: 'task_deleted', id: told.task.id }]
      : [{ type: 'task', task: told.task }];
  }
  if (told.type === 'task_deleted' && typeof told.id === 'string') {
    return [{ type: 'task_deleted', id: told.id }];
  }
  if (told.type === 'run' && typeof told.line === 'string') {
    return [{ type: 'line', line: told.line }];
  }
  return [];
}

export class LiveConnection {
  readonly #http: AxiosInstance;
  readonly #effects: LiveEffects;
  #streaming = false;
  #absent = false;
  #lastId = '';
  #endedAt = 0;
  #gathered: Change[] = [];
  #gathering: ReturnType<typeof setTimeout> | undefined;

  constructor(http: AxiosInstance, effects: LiveEffects) {
    this.#http = http;
    this.#effects = effects;
  }

  /** Connects now and whenever the page becomes visible. Returns how to stop for good. */
  start(page: Document): () => void {
    let watch: AbortController | undefined;
    const look = (): void => {
      watch?.abort();
      watch = undefined;
      this.#effects.visibility(page.hidden);
      if (!page.hidden) {
        watch = new AbortController();
        void this.#follow(watch.signal);
        void this.#poll(watch.signal);
      }
    };
    page.addEventListener('visibilitychange', look);
    look();
    return () => {
      page.removeEventListener('visibilitychange', look);
      watch?.abort();
      clearTimeout(this.#gathering);
    };
  }

  async #follow(signal: AbortSignal): Promise<void> {
    let failures = 0;
    while (!signal.aborted) {
      const opened = await this.#stream(signal);
      failures = opened ? 0 : failures + 1;
      const wait = this.#absent
        ? RETRY_ABSENT_MS
        : (RETRY_MS[Math.min(failures, RETRY_MS.length - 1)] ?? 0);
      await sleep(wait * (0.75 + Math.random() / 2), signal);
    }
  }

  /** Follows the stream until it ends. Says whether it was open at all. */
  async #stream(signal: AbortSignal): Promise<boolean> {
    const resumes = this.#lastId !== '' && Date.now() - this.#endedAt < RESUME_MS_MAX;
    let opened = false;
    const attempt = new AbortController();
    const stop = (): void => {
      attempt.abort();
    };
    signal.addEventListener('abort', stop);
    try {
      const response = await this.#http.get<ReadableStream<Uint8Array>>('/events', {
        responseType: 'stream',
        timeout: 0,
        signal: attempt.signal,
        headers: {
          Accept: 'text/event-stream',
          ...(resumes && { 'Last-Event-ID': this.#lastId }),
        },
      });
      this.#absent = !String(response.headers['content-type']).includes('text/event-stream');
      if (this.#absent || signal.aborted) {
        return false;
      }
      opened = true;
      this.#streaming = true;
      this.#effects.opened();
      void this.#effects.refetch();
      for await (const events of readEvents(response.data, SILENCE_MS, signal)) {
        for (const event of events) {
          this.#take(event);
        }
      }
    } catch (fault) {
      this.#absent = isAxiosError(fault) && [404, 405, 501].includes(fault.response?.status ?? 0);
    } finally {
      signal.removeEventListener('abort', stop);
      attempt.abort();
      if (opened) {
        this.#streaming = false;
        this.#endedAt = Date.now();
        this.#effects.ended();
        if (!signal.aborted) {
          // Says at once whether the API is gone or only the stream.
          void this.#effects.refetch();
        }
      }
    }
    return opened;
  }

  async #poll(signal: AbortSignal): Promise<void> {
    let pauseMs = POLL_MS;
    while (!signal.aborted) {
      await sleep(pauseMs, signal);
      const began = Date.now();
      if (!this.#streaming) {
        await this.#effects.refetch();
      }
      pauseMs = Math.max(POLL_MS, (Date.now() - began) * POLL_PAUSE_FACTOR);
    }
  }

  #take(event: StreamEvent): void {
    this.#lastId = event.id || this.#lastId;
    if (event.type === 'reset') {
      // Too much happened at once to be told piece by piece.
      void this.#effects.refetch();
      return;
    }
    const changes = changesOf(event);
    if (changes.length === 0) {
      return;
    }
    this.#gathered.push(...changes);
    this.#gathering ??= setTimeout(() => {
      this.#gathering = undefined;
      this.#effects.changes(this.#gathered.splice(0));
    }, GATHER_MS);
  }
}

function sleep(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) {
      resolve();
      return;
    }
    const timer = setTimeout(wake, milliseconds);
    function wake(): void {
      clearTimeout(timer);
      signal.removeEventListener('abort', wake);
      resolve();
    }
    signal.addEventListener('abort', wake);
  });
}
