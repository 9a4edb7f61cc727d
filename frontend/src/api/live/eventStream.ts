/**
 * Server-sent events out of a byte stream (WHATWG HTML, section 9.2.6), with silence noticed: a
 * heartbeat that stays away ends the stream, which the browser's own EventSource cannot see.
 * Knows the format; not what events mean.
 */

export interface StreamEvent {
  id: string;
  type: string;
  text: string;
}

export class SilenceError extends Error {
  override name = 'SilenceError';
}

/** Feeds text in, gives whole events out. */
export class EventParser {
  #rest = '';
  #lastId = '';
  #type = '';
  #lines: string[] = [];

  feed(text: string): StreamEvent[] {
    const events: StreamEvent[] = [];
    const parts = (this.#rest + text).split(/\r\n|\n|\r(?!$)/);
    this.#rest = parts.pop() ?? '';
    for (const line of parts) {
      const event = this.#line(line);
      if (event) {
        events.push(event);
      }
    }
    return events;
  }

  #line(line: string): StreamEvent | undefined {
    if (line === '') {
      const text = this.#lines.join('\n');
      const event = { id: this.#lastId, type: this.#type || 'message', text };
      const dispatched = this.#lines.length > 0;
      this.#lines = [];
      this.#type = '';
      return dispatched ? event : undefined;
    }
    const colon = line.indexOf(':');
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (field === 'data') {
      this.#lines.push(value);
    } else if (field === 'event') {
      this.#type = value;
    } else if (field === 'id' && !value.includes('\0')) {
      this.#lastId = value;
    }
    return undefined;
  }
}

/** Reads events until the stream or the wish ends. Throws SilenceError when nothing comes for long. */
export async function* readEvents(
  stream: ReadableStream<Uint8Array>,
  silenceMs: number,
  signal?: AbortSignal,
): AsyncGenerator<StreamEvent[]> {
  const reader = stream.getReader();
  const decoder = new TextDecoder();
  const parser = new EventParser();
  const stop = (): void => {
    void reader.cancel().catch(() => undefined);
  };
  signal?.addEventListener('abort', stop);
  try {
    for (;;) {
      const chunk = await within(reader.read(), silenceMs);
      if (chunk.done) {
        return;
      }
      yield parser.feed(decoder.decode(chunk.value, { stream: true }));
    }
  } finally {
    signal?.removeEventListener('abort', stop);
    stop();
  }
}

async function within<T>(wanted: Promise<T>, milliseconds: number): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const silence = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new SilenceError('the stream fell silent'));
    }, milliseconds);
  });
  try {
    return await Promise.race([wanted, silence]);
  } finally {
    clearTimeout(timer);
  }
}
