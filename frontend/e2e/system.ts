/**
 * The system under test, started as a user does: the embedded one, or with DUETIME_E2E=stack the
 * distributed one, two processes of each service over Kafka and MongoDB behind a load balancer.
 */

import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const START_MS_MAX = 60_000;
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

/** Processes that serve the API and the page. */
interface Serving {
  readonly api: string;
  readonly page: string;
  startApi: () => Promise<void>;
  /** Kills every process of the API. */
  killApi: () => Promise<void>;
  stop: () => Promise<void>;
}

/** One process, which serves both. */
class Embedded implements Serving {
  readonly api: string;
  readonly page: string;
  readonly #dataDir: string;
  #duetime: ChildProcess | undefined;

  private constructor(api: string, page: string, dataDir: string) {
    this.api = api;
    this.page = page;
    this.#dataDir = dataDir;
  }

  static async start(): Promise<Embedded> {
    const serving = new Embedded(
      `http://127.0.0.1:${await freePort()}`,
      `http://127.0.0.1:${await freePort()}`,
      await mkdtemp(join(tmpdir(), 'duetime-e2e-')),
    );
    try {
      await serving.startApi();
    } catch (fault) {
      await serving.stop();
      throw fault;
    }
    return serving;
  }

  async startApi(): Promise<void> {
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
        env: { ...withoutSettings(process.env), PYTHONPATH: at('./actions') },
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

  async killApi(): Promise<void> {
    await ended(this.#duetime, 'SIGKILL');
    this.#duetime = undefined;
  }

  async stop(): Promise<void> {
    await ended(this.#duetime, 'SIGTERM');
    await rm(this.#dataDir, { recursive: true, force: true });
  }
}

/** The distributed system, told what to do through its standard input. */
class Stack implements Serving {
  readonly api: string;
  readonly page: string;
  readonly #process: ChildProcess;
  readonly #said: AsyncIterator<string>;

  private constructor(process: ChildProcess, said: AsyncIterator<string>, first: string) {
    const { api, page } = JSON.parse(first) as { api: string; page: string };
    this.api = api;
    this.page = page;
    this.#process = process;
    this.#said = said;
  }

  static async start(): Promise<Stack> {
    const stack = spawn(at('../../.venv/bin/python'), ['-m', 'tests.support.page_stack'], {
      cwd: at('../..'),
      stdio: ['pipe', 'pipe', 'inherit'],
      env: withoutSettings(process.env),
    });
    const lines: Interface = createInterface({ input: stack.stdout });
    const said = lines[Symbol.asyncIterator]();
    return new Stack(stack, said, await next(said));
  }

  startApi = (): Promise<void> => this.#tell('start');

  killApi = (): Promise<void> => this.#tell('stop');

  async stop(): Promise<void> {
    const exit = once(this.#process, 'exit');
    this.#process.stdin?.end();
    await exit;
  }

  async #tell(word: string): Promise<void> {
    this.#process.stdin?.write(`${word}\n`);
    await next(this.#said);
  }
}

export class System {
  readonly api: string;
  readonly page: string;
  readonly #serving: Serving;

  private constructor(serving: Serving) {
    this.api = serving.api;
    this.page = serving.page;
    this.#serving = serving;
  }

  static async start(): Promise<System> {
    return new System(await (process.env.DUETIME_E2E === 'stack' ? Stack : Embedded).start());
  }

  startApi(): Promise<void> {
    return this.#serving.startApi();
  }

  killApi(): Promise<void> {
    return this.#serving.killApi();
  }

  stop(): Promise<void> {
    return this.#serving.stop();
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

/** Duetime refuses settings that it does not know: those of the tests are not for it. */
function withoutSettings(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(environment).filter(([name]) => !name.startsWith('DUETIME_')),
  );
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

async function next(said: AsyncIterator<string>): Promise<string> {
  const line = await said.next();
  if (line.done) {
    throw new Error('the stack ended; what it said is above');
  }
  return line.value;
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
