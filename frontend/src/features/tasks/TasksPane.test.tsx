import { screen, waitFor, within } from '@testing-library/react';
import { http, HttpResponse } from 'msw';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import {
  dailyTask,
  failedTask,
  finishedTask,
  missedTask,
  NOW,
  scheduledTask,
  TASK_OF_STATUS,
} from '@test/factories/task';
import { renderApp } from '@test/render';
import { API, problem, server, world } from '@test/server';
import type { Task } from '@/api/types';
import { applied } from '@/api/duetimeApi';
import { STATUS_WORDS } from './wording';

beforeEach(() => {
  // Only the date stands still: requests and renders take their time.
  vi.useFakeTimers({ now: NOW, toFake: ['Date'] });
});
afterEach(() => {
  vi.useRealTimers();
});

const row = (name: string | RegExp) => screen.findByRole('row', { name: new RegExp(name) });

describe('the list', () => {
  test.each(Object.entries(TASK_OF_STATUS))('shows a task that is %s', async (status, make) => {
    const task = make();
    world.tasks = [task];
    renderApp();

    const shown = await row(task.description);
    expect(shown).toHaveTextContent(STATUS_WORDS[status as keyof typeof TASK_OF_STATUS]);
  });

  test('says when a task is due, with the zone and how far away', async () => {
    world.tasks = [dailyTask()];
    renderApp({ preferences: { theme: 'system', zone: 'utc', shortcuts: true } });

    const shown = await row('Feed the cat');
    expect(shown).toHaveTextContent('24 Nov 13:00:00 UTC');
    expect(shown).toHaveTextContent('in 1 h');
    expect(shown).toHaveTextContent('Daily at 14:00:00 · Europe/Berlin');
    expect(shown).toHaveTextContent('4 ms late');
  });

  test('says why a run failed or did not take place', async () => {
    world.tasks = [failedTask(), missedTask()];
    renderApp();

    expect(await row('Call the greenhouse')).toHaveTextContent('the greenhouse is silent');
    expect(await row('Wake the neighbours')).toHaveTextContent('Skipped (missed)');
  });

  test('is empty in words, and after a filter in others', async () => {
    const { user } = renderApp();
    expect(await screen.findByText('No tasks yet')).toBeVisible();
    await user.type(screen.getByRole('searchbox', { name: 'Search tasks' }), 'zebra');

    expect(await screen.findByText('No task matches')).toBeVisible();
    await user.click(screen.getByRole('button', { name: 'Show all tasks' }));
    expect(await screen.findByText('No tasks yet')).toBeVisible();
  });

  test('asks the API for what is searched', async () => {
    const asked: string[] = [];
    server.use(
      http.get(`${API}/tasks`, ({ request }) => {
        asked.push(new URL(request.url).search);
        return HttpResponse.json([]);
      }),
    );
    const { user } = renderApp();
    await user.click(await screen.findByRole('radio', { name: 'Overdue' }));
    await user.type(screen.getByRole('searchbox', { name: 'Search tasks' }), 'cat');

    await waitFor(() => {
      expect(asked.at(-1)).toBe('?q=cat&status=overdue&limit=200');
    });
  });

  test('says what is wrong when it cannot be loaded, and tries again', async () => {
    server.use(
      http.get(`${API}/tasks`, () => problem(503, { detail: 'the read models are away' }), {
        once: true,
      }),
    );
    const { user } = renderApp();
    expect(await screen.findByText('The read models are away.')).toBeVisible();
    world.tasks = [scheduledTask()];
    await user.click(screen.getByRole('button', { name: 'Try again' }));

    expect(await row('Water the plants')).toBeVisible();
  });

  test('becomes longer page by page', async () => {
    const first = scheduledTask({ description: 'First' });
    const second = scheduledTask({ description: 'Second' });
    server.use(
      http.get(`${API}/tasks`, ({ request }) =>
        new URL(request.url).searchParams.has('cursor')
          ? HttpResponse.json([second])
          : HttpResponse.json([first], {
              headers: { link: '</tasks?limit=200&cursor=c>; rel="next"' },
            }),
      ),
    );
    renderApp();

    expect(await row('First')).toBeVisible();
    expect(await row('Second')).toBeVisible();
    expect(screen.getByText('2 tasks in all')).toBeVisible();
  });

  test('shows what streams in', async () => {
    const task = scheduledTask();
    world.tasks = [task];
    const { store } = renderApp();
    await row('Water the plants');
    store.dispatch(
      applied([{ type: 'task', task: finishedTask({ ...task, revision: 2, status: 'finished' }) }]),
    );

    await waitFor(async () => {
      expect(await row('Water the plants')).toHaveTextContent('Finished');
    });
  });
});

describe('registering', () => {
  test('shows the task at once and keeps it when it is accepted', async () => {
    let answer: () => void = () => undefined;
    const held = new Promise<void>((resolve) => {
      answer = resolve;
    });
    let body: unknown;
    server.use(
      http.post(`${API}/tasks`, async ({ request }) => {
        body = await request.json();
        expect(request.headers.get('idempotency-key')).toMatch(/^[0-9a-f-]{36}$/);
        await held;
        return HttpResponse.json(scheduledTask({ description: 'Feed the cat' }), { status: 201 });
      }),
    );
    const { user } = renderApp();
    await user.type(await screen.findByLabelText('What is to happen'), 'Feed the cat{Enter}');

    expect(await row('Feed the cat')).toHaveTextContent('Saving…');
    expect(screen.getByLabelText('What is to happen')).toHaveValue('');
    answer();
    await waitFor(async () => {
      expect(await row('Feed the cat')).toHaveTextContent('Scheduled');
    });
    expect(body).toMatchObject({ description: 'Feed the cat', recurring: false });
    expect(screen.getByText(/Added “Feed the cat”, due in 1 h/)).toBeVisible();
  });

  test('gives a refused task back to the form with the reason and the rule', async () => {
    server.use(
      http.post(`${API}/tasks`, () =>
        problem(422, {
          errors: [{ field: 'time', reason: 'lies in the past', rule: '`time` lies ahead' }],
        }),
      ),
    );
    const { user } = renderApp();
    await user.type(await screen.findByLabelText('What is to happen'), 'Too late{Enter}');

    expect(await screen.findByText('time lies in the past.')).toBeVisible();
    expect(screen.getByLabelText('When')).toHaveFocus();
    expect(screen.getByLabelText('When')).toBeInvalid();
    expect(screen.getByLabelText('What is to happen')).toHaveValue('Too late');
    expect(screen.queryByRole('row', { name: /Too late/ })).not.toBeInTheDocument();
  });

  test('does not ask the API about a task without a description', async () => {
    const { user } = renderApp();
    await user.click(await screen.findByRole('button', { name: 'Add task' }));

    expect(await screen.findByText('description is empty.')).toBeVisible();
    expect(screen.getByLabelText('What is to happen')).toHaveFocus();
  });

  test('repeats an unanswered create under the same key', async () => {
    const keys: (string | null)[] = [];
    server.use(
      http.post(`${API}/tasks`, ({ request }) => {
        keys.push(request.headers.get('idempotency-key'));
        return keys.length === 1
          ? HttpResponse.error()
          : HttpResponse.json(scheduledTask({ description: 'Once' }), { status: 201 });
      }),
    );
    const { user } = renderApp();
    await user.type(await screen.findByLabelText('What is to happen'), 'Once{Enter}');

    expect(await screen.findByText(/Added “Once”/, {}, { timeout: 4_000 })).toBeVisible();
    expect(new Set(keys).size).toBe(1);
    expect(keys).toHaveLength(2);
  });
});

describe('editing', () => {
  const begin = async (task: Task) => {
    world.tasks = [task];
    const app = renderApp();
    (await row(task.description)).focus();
    await app.user.keyboard('e');
    return { ...app, form: await screen.findByRole('form', { name: /^Edit/ }) };
  };

  test('saves on Enter, on the condition that nobody else has', async () => {
    const task = scheduledTask({ time: '2026-11-24T13:00:00.123Z' });
    let seen: { body: unknown; condition: string | null } | undefined;
    server.use(
      http.put(`${API}/tasks/${task.id}`, async ({ request }) => {
        seen = { body: await request.json(), condition: request.headers.get('if-match') };
        return HttpResponse.json({ ...task, description: 'Water them all', revision: 2 });
      }),
    );
    const { user, form } = await begin(task);
    const field = within(form).getByLabelText('What is to happen');
    expect(field).toHaveFocus();
    await user.clear(field);
    await user.type(field, 'Water them all{Enter}');

    expect(await row('Water them all')).toBeVisible();
    await waitFor(() => {
      // The time was not touched: it goes back as it was registered, to the millisecond.
      expect(seen).toEqual({
        body: {
          description: 'Water them all',
          time: '2026-11-24T13:00:00.123Z',
          timezone: 'UTC',
          recurring: false,
        },
        condition: '"1"',
      });
    });
  });

  test('rolls back and says why when the API refuses', async () => {
    const task = scheduledTask();
    server.use(
      http.put(`${API}/tasks/${task.id}`, () =>
        problem(422, { errors: [{ field: 'description', reason: 'is too long', rule: '' }] }),
      ),
    );
    const { user, form } = await begin(task);
    await user.type(within(form).getByLabelText('What is to happen'), ' twice{Enter}');

    expect(await screen.findByText('description is too long.')).toBeVisible();
    await user.keyboard('{Escape}');
    expect(await row('Water the plants')).not.toHaveTextContent('twice');
  });

  test('asks before it writes over another’s change', async () => {
    const task = scheduledTask();
    const theirs = { ...task, description: 'Theirs', revision: 2 };
    const conditions: (string | null)[] = [];
    server.use(
      http.put(`${API}/tasks/${task.id}`, ({ request }) => {
        conditions.push(request.headers.get('if-match'));
        return HttpResponse.json({ ...task, description: 'Mine', revision: 3 });
      }),
    );
    const { user, form, store } = await begin(task);
    await user.clear(within(form).getByLabelText('What is to happen'));
    await user.type(within(form).getByLabelText('What is to happen'), 'Mine');
    store.dispatch(applied([{ type: 'task', task: theirs }]));

    expect(await within(form).findByRole('alert')).toHaveTextContent('it is now “Theirs”');
    await user.click(within(form).getByRole('button', { name: 'Save mine over it' }));
    expect(await row('Mine')).toBeVisible();
    expect(conditions).toEqual(['"2"']);
  });

  test('is left with Escape, and the row has the focus again', async () => {
    const { user } = await begin(scheduledTask());
    await user.keyboard('{Escape}');

    await waitFor(async () => {
      expect(await row('Water the plants')).toHaveFocus();
    });
  });
});

describe('deleting', () => {
  test('can be taken back, and asks nothing of the API until then', async () => {
    world.tasks = [scheduledTask()];
    const { user } = renderApp();
    await user.click(await screen.findByRole('button', { name: /^Delete/ }));
    expect(screen.queryByRole('row', { name: /Water/ })).not.toBeInTheDocument();
    await user.click(await screen.findByRole('button', { name: 'Undo' }));

    expect(await row('Water the plants')).toBeVisible();
  });

  test('a task about to run is deleted without delay', async () => {
    const task = scheduledTask({ next_due_at: new Date(NOW + 5_000).toISOString() });
    world.tasks = [task];
    const deleted = vi.fn();
    server.use(
      http.delete(`${API}/tasks/${task.id}`, () => {
        deleted();
        return new HttpResponse(null, { status: 204 });
      }),
    );
    const { user } = renderApp();
    await user.click(await screen.findByRole('button', { name: /^Delete/ }));

    await waitFor(() => {
      expect(deleted).toHaveBeenCalledOnce();
    });
    expect(await screen.findByText(/since it was about to run/)).toBeVisible();
  });

  test('comes back with the reason when the API refuses', async () => {
    const task = scheduledTask({ next_due_at: new Date(NOW + 5_000).toISOString() });
    world.tasks = [task];
    server.use(
      http.delete(`${API}/tasks/${task.id}`, () =>
        problem(503, { detail: 'the change was not written: the disk is full' }),
      ),
    );
    const { user } = renderApp();
    await user.click(await screen.findByRole('button', { name: /^Delete/ }));

    expect(await screen.findByText(/was not deleted: .*the disk is full/)).toBeVisible();
    expect(await row('Water the plants')).toBeVisible();
  });
});

test('every key in the help is listed, and can be switched off', async () => {
  const { user, store } = renderApp();
  await screen.findByText('No tasks yet');
  await user.keyboard('?');
  const dialog = await screen.findByRole('dialog', { name: 'Keyboard' });
  await user.click(within(dialog).getByRole('checkbox'));
  await user.click(within(dialog).getByRole('button', { name: 'Close' }));
  await user.keyboard('z');

  expect(store.getState().preferences).toEqual({
    theme: 'system',
    zone: 'local',
    shortcuts: false,
  });
});
