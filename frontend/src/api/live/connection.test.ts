import { http, HttpResponse } from 'msw';
import { setupServer } from 'msw/node';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { logLine } from '@test/factories/logLine';
import { scheduledTask } from '@test/factories/task';
import { createHttp } from '@/api/http';
import { changesOf, LiveConnection, type LiveEffects } from './connection';

const API = 'http://api.test';
const asked: (string | null)[] = [];
let open: ReadableStreamDefaultController<Uint8Array> | undefined;

const server = setupServer(
  http.get(`${API}/events`, ({ request }) => {
    asked.push(request.headers.get('last-event-id'));
    const stream = new ReadableStream<Uint8Array>({
      start(controller) {
        open = controller;
      },
    });
    return new HttpResponse(stream, { headers: { 'content-type': 'text/event-stream' } });
  }),
);

beforeAll(() => {
  server.listen();
});
beforeEach(() => {
  asked.length = 0;
  open = undefined;
});
afterEach(() => {
  server.resetHandlers();
});
afterAll(() => {
  server.close();
});

/** A document of which only the visibility matters. */
class Tab extends EventTarget {
  hidden = false;

  turn(hidden: boolean): void {
    this.hidden = hidden;
    this.dispatchEvent(new Event('visibilitychange'));
  }
}

function connect(tab: Tab) {
  const effects = {
    opened: vi.fn(),
    ended: vi.fn(),
    visibility: vi.fn(),
    changes: vi.fn<LiveEffects['changes']>(),
    refetch: vi.fn(() => Promise.resolve()),
  };
  const fares = { answered: vi.fn(), unreachable: vi.fn() };
  const stop = new LiveConnection(createHttp(API, fares), effects).start(
    tab as unknown as Document,
  );
  return { effects, fares, stop };
}

function tell(text: string): void {
  open?.enqueue(new TextEncoder().encode(text));
}

test('changes are told as they stream in, and lists are fetched once the stream is open', async () => {
  const { effects, stop } = connect(new Tab());
  await vi.waitFor(() => {
    expect(effects.opened).toHaveBeenCalledOnce();
  });
  const task = scheduledTask();
  tell(`event: task\ndata: ${JSON.stringify({ type: 'task', task })}\nid: 1\n\n`);
  await vi.waitFor(() => {
    expect(effects.changes).toHaveBeenCalledWith([{ type: 'task', task }]);
  });
  stop();

  expect(effects.refetch).toHaveBeenCalledOnce();
});

test('a stream that breaks is taken up again where it was', async () => {
  const { effects, stop } = connect(new Tab());
  await vi.waitFor(() => {
    expect(open).toBeDefined();
  });
  tell(`event: task_deleted\ndata: {"type":"task_deleted","id":"x"}\nid: place-7\n\n`);
  await vi.waitFor(() => {
    expect(effects.changes).toHaveBeenCalledOnce();
  });
  open?.close();
  await vi.waitFor(
    () => {
      expect(asked).toEqual([null, 'place-7']);
    },
    { timeout: 5_000 },
  );
  stop();

  expect(effects.ended).toHaveBeenCalled();
});

test('a reset has the lists fetched anew', async () => {
  const { effects, stop } = connect(new Tab());
  await vi.waitFor(() => {
    expect(effects.refetch).toHaveBeenCalledOnce();
  });
  tell('event: reset\ndata: {"type":"reset"}\n\n');
  await vi.waitFor(() => {
    expect(effects.refetch).toHaveBeenCalledTimes(2);
  });
  stop();

  expect(effects.changes).not.toHaveBeenCalled();
});

test('nothing is asked while the tab is hidden', async () => {
  const tab = new Tab();
  tab.hidden = true;
  const { effects, stop } = connect(tab);
  expect(effects.visibility).toHaveBeenLastCalledWith(true);
  tab.turn(false);
  await vi.waitFor(() => {
    expect(effects.opened).toHaveBeenCalledOnce();
  });
  tab.turn(true);
  await vi.waitFor(() => {
    expect(effects.ended).toHaveBeenCalledOnce();
  });
  stop();

  expect(asked).toHaveLength(1);
});

test('where there is no stream, the lists are asked for again and again', async () => {
  server.use(http.get(`${API}/events`, () => new HttpResponse(null, { status: 404 })));
  const { effects, stop } = connect(new Tab());
  await vi.waitFor(
    () => {
      expect(effects.refetch).toHaveBeenCalled();
    },
    { timeout: 6_000 },
  );
  stop();

  expect(effects.opened).not.toHaveBeenCalled();
});

test('an API that is away is told of', async () => {
  server.use(http.get(`${API}/events`, () => HttpResponse.error()));
  const { fares, stop } = connect(new Tab());
  await vi.waitFor(() => {
    expect(fares.unreachable).toHaveBeenCalled();
  });
  stop();

  expect(fares.answered).not.toHaveBeenCalled();
});

test('what an event says is read with care', () => {
  const event = (told: unknown) =>
    changesOf({ id: '1', type: 'x', text: typeof told === 'string' ? told : JSON.stringify(told) });
  const line = logLine();
  const task = scheduledTask();

  expect(event({ type: 'run', run: {}, line })).toEqual([{ type: 'line', line }]);
  expect(event({ type: 'task', task: { ...task, status: 'deleted' } })).toEqual([
    { type: 'task_deleted', id: task.id },
  ]);
  for (const nonsense of ['{', 'null', '7', { type: 'later' }, { type: 'task' }, { type: 'run' }]) {
    expect(event(nonsense)).toEqual([]);
  }
});
