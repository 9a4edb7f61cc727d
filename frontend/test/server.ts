/** An API for tests: it keeps tasks and lines, and answers as the real one does. */

import { http, HttpResponse } from 'msw';
import { setupServer } from 'msw/node';
import type { Task } from '@/api/types';

export const API = 'http://api.test';

export const world: { tasks: Task[]; lines: string[] } = { tasks: [], lines: [] };

export function emptyWorld(): void {
  world.tasks = [];
  world.lines = [];
}

/** A problem as the API writes it. */
export function problem(status: number, members: Record<string, unknown>) {
  return HttpResponse.json(
    {
      type: '/problems/test',
      title: 'A problem',
      status,
      detail: 'something is wrong',
      ...members,
    },
    { status, headers: { 'content-type': 'application/problem+json' } },
  );
}

export const server = setupServer(
  http.get(`${API}/tasks`, () => HttpResponse.json(world.tasks)),
  http.get(`${API}/tasks/logs`, () => HttpResponse.json(world.lines)),
  http.get(`${API}/events`, () => problem(404, { detail: 'there is nothing at /events' })),
);
