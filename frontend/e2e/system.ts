/**
 * The system under test: a running Duetime named by the environment (DUETIME_API_URL and
 * DUETIME_PAGE_URL), or one of our own, started as a user does.
 */

import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const START_MS_MAX = 20_000;
const STOP_MS_MAX = 15_000;

const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

export interface TaskBody {
  description: string;
  time: string;
  recurring?: boolean;
  timezone?: string;
  action?: object;
  timeout_seconds?: number;
}

export interface Registered {
  id: string;
  description: string;
  revision: number;
}

export class System {
  readonly api: string;
  readonly page: string;
  /** null where the environment named a running system: it is not ours to stop. */
  readonly #dataDir: string | null;
  #duetime: ChildProcess | undefined;

  private constructor(api: string, page: string, dataDir: string | null) {
    this.api = api;
    this.page = page;
    this.#dataDir = dataDir;
  }

  static async start(): Promise<System> {
    const { DUETIME_API_URL: api, DUETIME_PAGE_URL: page } = process.env;
    if (api && page) {
      return new System(api, page, null);
    }
    const [apiPort, pagePort] = [await freePort(), await freePort()];
    const system = new System(
      `http://127.0.0.1:${apiPort}`,
      `http://127.0.0.1:${pagePort}`,
      await mkdtemp(join(tmpdir(), 'duetime-e2e-')),
    );
    await system.startApi();
    return system;
  }

  get ours(): boolean {
    return this.#dataDir !== null;
  }

  async startApi(): Promise<void> {
    if (this.#dataDir === null) {
      throw new Error('the environment named this system: the tests do not start it');
    }
    const [port, pagePort] = [new URL(this.api).port, new URL(this.page).port];
    const duetime = spawn(
      at('../../.venv/bin/duetime'),
      [
        'run',
        ...['--port', port, '--page-port', pagePort, '--page-dir', at('../dist')],
        ...['--data-dir', this.#dataDir, '--actions', 'duetime_e2e_actions'],
      ],
      {
        stdio: ['ignore', 'ignore', 'inherit'],
        env: { ...process.env, PYTHONPATH: at('./actions') },
      },
    );
    this.#duetime = duetime;
    await until(async () => {
      if (duetime.exitCode !== null) {
        throw new Error(`duetime ended with ${duetime.exitCode}`);
      }
      return (await fetch(`${this.api}/readyz`)).ok;
    });
  }

  async stopApi(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    await ended(this.#duetime, signal);
    this.#duetime = undefined;
  }

  async stop(): Promise<void> {
    await ended(this.#duetime, 'SIGTERM');
    if (this.#dataDir !== null) {
      await rm(this.#dataDir, { recursive: true, force: true });
    }
  }

  async register(body: TaskBody): Promise<Registered> {
    const answer = await fetch(`${this.api}/tasks`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ recurring: false, ...body }),
    });
    if (!answer.ok) {
      throw new Error(`${answer.status} ${await answer.text()}`);
    }
    return (await answer.json()) as Registered;
  }

  async tasks(): Promise<Registered[]> {
    const answer = await fetch(`${this.api}/tasks?limit=10000`);
    return (await answer.json()) as Registered[];
  }

  /** Registers many at once. */
  async registerAll(bodies: readonly TaskBody[]): Promise<void> {
    const answer = await fetch(`${this.api}/tasks/batch`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(bodies.map((body) => ({ recurring: false, ...body }))),
    });
    if (!answer.ok) {
      throw new Error(`${answer.status} ${await answer.text()}`);
    }
  }

  async change(id: string, body: TaskBody): Promise<void> {
    await fetch(`${this.api}/tasks/${id}`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ recurring: false, ...body }),
    });
  }

  /** Deletes every task; the log lines of what ran stay. */
  async clear(): Promise<void> {
    for (;;) {
      const tasks = await this.tasks();
      if (tasks.length === 0) {
        return;
      }
      await inParallel(tasks, async ({ id }) => {
        await fetch(`${this.api}/tasks/${id}`, {
          method: 'DELETE',
          headers: { prefer: 'respond-async' },
        });
      });
    }
  }
}

/** ISO 8601 so many seconds from now. */
export function inSeconds(seconds: number): string {
  return new Date(Date.now() + seconds * 1000).toISOString();
}

export async function inParallel<T>(
  each: readonly T[],
  act: (one: T) => Promise<void>,
): Promise<void> {
  const left = [...each];
  const worker = async (): Promise<void> => {
    for (let one = left.pop(); one !== undefined; one = left.pop()) {
      await act(one);
    }
  };
  await Promise.all(Array.from({ length: 32 }, worker));
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  const giveUp = Date.now() + START_MS_MAX;
  for (;;) {
    const held = await holds().catch((fault: unknown) => {
      // Nobody listens yet; anything else is a fault.
      if (fault instanceof TypeError) {
        return false;
      }
      throw fault;
    });
    if (held) {
      return;
    }
    if (Date.now() > giveUp) {
      throw new Error(`not up within ${START_MS_MAX} ms`);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function ended(process: ChildProcess | undefined, signal: NodeJS.Signals): Promise<void> {
  // A process that has ended has one of the two; one that never was has neither.
  if (process?.exitCode !== null || process.signalCode !== null) {
    return;
  }
  const exit = once(process, 'exit');
  process.kill(signal);
  const timer = setTimeout(() => process.kill('SIGKILL'), STOP_MS_MAX);
  await exit;
  clearTimeout(timer);
}
