/**
 * Keys for everything. Components offer what a key does while they are on the page; one listener
 * reads the keyboard. Keys never act while someone types or a dialog is open.
 */

import { useEffect, useRef } from 'react';

/** All keys there are, as the help shows them. Sequences are written with a space. */
export const SHORTCUTS = [
  { group: 'Anywhere', keys: 'n', does: 'New task' },
  { group: 'Anywhere', keys: '/', does: 'Search tasks, or logs in the log view' },
  { group: 'Anywhere', keys: 'g t', does: 'Go to tasks' },
  { group: 'Anywhere', keys: 'g l', does: 'Go to logs' },
  { group: 'Anywhere', keys: 'r', does: 'Refresh' },
  { group: 'Anywhere', keys: 'u', does: 'Undo the last delete' },
  { group: 'Anywhere', keys: 't', does: 'Theme: system, light, dark' },
  { group: 'Anywhere', keys: 'z', does: 'Times: your zone, UTC' },
  { group: 'Anywhere', keys: '?', does: 'This help' },
  {
    group: 'In the task list',
    keys: 'j',
    also: '↓',
    does: 'Next task; from elsewhere into the list',
  },
  { group: 'In the task list', keys: 'k', also: '↑', does: 'Previous task' },
  { group: 'In the task list', keys: 'e', also: 'Enter', does: 'Edit' },
  { group: 'In the task list', keys: 'x', also: 'Delete', does: 'Delete, with a moment to undo' },
  { group: 'In the task list', keys: 'l', does: 'Show the logs of this task' },
  { group: 'While editing', keys: 'Enter', does: 'Save (Shift + Enter: a new line)' },
  { group: 'While editing', keys: 'Esc', does: 'Cancel' },
] as const;

export type Keys = (typeof SHORTCUTS)[number]['keys'];

/** How long the first key of a sequence waits for the second. */
const SEQUENCE_MS = 1_000;

type Act = () => void;

const offered = new Map<string, Act[]>();

/** Offers what a key does; the component that came last has it. */
export function useShortcut(keys: Keys, act: Act): void {
  const latest = useRef(act);
  useEffect(() => {
    latest.current = act;
  });
  useEffect(() => {
    const offer = (): void => {
      latest.current();
    };
    offered.set(keys, [...(offered.get(keys) ?? []), offer]);
    return () => {
      offered.set(
        keys,
        (offered.get(keys) ?? []).filter((other) => other !== offer),
      );
    };
  }, [keys]);
}

function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable ||
      target.matches('input:not([type=radio], [type=checkbox]), textarea, select'))
  );
}

/** Reads the keyboard until the returned function is called. */
export function listenToKeys(page: Document, enabled: () => boolean): () => void {
  let before: { key: string; at: number } | null = null;
  const pressed = (event: KeyboardEvent): void => {
    if (
      event.defaultPrevented ||
      event.ctrlKey ||
      event.metaKey ||
      event.altKey ||
      event.key.length !== 1 ||
      isTyping(event.target) ||
      page.querySelector('dialog[open]') ||
      !enabled()
    ) {
      return;
    }
    const sequence =
      before && event.timeStamp - before.at < SEQUENCE_MS ? `${before.key} ${event.key}` : null;
    const act =
      (sequence !== null ? offered.get(sequence)?.at(-1) : undefined) ??
      offered.get(event.key)?.at(-1);
    before = { key: event.key, at: event.timeStamp };
    if (act) {
      event.preventDefault();
      act();
    }
  };
  page.addEventListener('keydown', pressed);
  return () => {
    page.removeEventListener('keydown', pressed);
  };
}
