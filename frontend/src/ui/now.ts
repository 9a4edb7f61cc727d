/** The time as the server has it, ticking once a second while someone looks. */

import { useEffect, useSyncExternalStore } from 'react';

const TICK_MS = 1_000;

let offsetMs = 0;
let timer: ReturnType<typeof setInterval> | undefined;
let ticked = Date.now();
const listeners = new Set<() => void>();

function tick(): void {
  ticked = Date.now();
  for (const listener of listeners) {
    listener();
  }
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  if (listeners.size === 1) {
    ticked = Date.now();
    timer = setInterval(tick, TICK_MS);
  }
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0) {
      clearInterval(timer);
    }
  };
}

/** The server's time now, in milliseconds since the epoch. */
export function serverNow(): number {
  return Date.now() + offsetMs;
}

/** Keeps the ticking clock with the server's. */
export function useServerOffset(milliseconds: number): void {
  useEffect(() => {
    offsetMs = milliseconds;
    tick();
  }, [milliseconds]);
}

/** What `read` makes of the server's time; renders again only when that changes. */
export function useNow<T extends string | number | boolean>(read: (now: number) => T): T {
  return useSyncExternalStore(subscribe, () => read(ticked + offsetMs));
}
