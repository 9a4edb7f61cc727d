/** Where the page stands, as the address bar says it: the view and every filter. */

import { createSlice, type PayloadAction } from '@reduxjs/toolkit';

export const VIEWS = { tasks: '/', logs: '/logs' } as const;
export type View = keyof typeof VIEWS;

export const STATUS_FILTERS = [
  'scheduled',
  'running',
  'waiting',
  'overdue',
  'paused',
  'finished',
] as const;
export type StatusFilter = (typeof STATUS_FILTERS)[number];

export interface Place {
  view: View;
  /** Text that a task's description must contain. */
  text: string;
  status: StatusFilter | null;
  /** Text that a log line must contain. */
  logText: string;
  /** The task whose lines are wanted, by its id. */
  logTask: string | null;
}

export function placeOf(url: Pick<URL, 'pathname' | 'searchParams'>): Place {
  const asked = url.searchParams.get('status');
  return {
    view: url.pathname.replace(/\/+$/, '') === VIEWS.logs ? 'logs' : 'tasks',
    text: url.searchParams.get('text') ?? '',
    status: STATUS_FILTERS.find((status) => status === asked) ?? null,
    logText: url.searchParams.get('log') ?? '',
    logTask: url.searchParams.get('task'),
  };
}

export function addressOf(place: Place): string {
  const query = new URLSearchParams();
  const said: [string, string | null][] = [
    ['text', place.text],
    ['status', place.status],
    ['log', place.logText],
    ['task', place.logTask],
  ];
  for (const [name, value] of said) {
    if (value) {
      query.set(name, value);
    }
  }
  const search = query.toString();
  return VIEWS[place.view] + (search && `?${search}`);
}

const initialState: Place = { view: 'tasks', text: '', status: null, logText: '', logTask: null };

export const placeSlice = createSlice({
  name: 'place',
  initialState,
  reducers: {
    /** The person went back or forward. */
    placeFound: (_state, { payload }: PayloadAction<Place>) => payload,
    placeChanged: (state, { payload }: PayloadAction<Partial<Place>>) => ({ ...state, ...payload }),
  },
});

export const { placeFound, placeChanged } = placeSlice.actions;
