import { describe, expect, test } from 'vitest';
import { EventParser, readEvents, SilenceError } from './eventStream';

function streamOf(...chunks: string[]): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  return new ReadableStream({
    start(controller) {
      for (const chunk of chunks) {
        controller.enqueue(encoder.encode(chunk));
      }
    },
  });
}

describe('EventParser', () => {
  test('gives events with type, text and id; comments are passed over', () => {
    const parser = new EventParser();

    expect(parser.feed(': still here\n\nevent: task\ndata: {"a":1}\nid: 7\n\n')).toEqual([
      { id: '7', type: 'task', text: '{"a":1}' },
    ]);
  });

  test('joins lines of data and keeps the last id', () => {
    const parser = new EventParser();
    parser.feed('id: 7\n\n');

    expect(parser.feed('data: one\ndata:two\n\n')).toEqual([
      { id: '7', type: 'message', text: 'one\ntwo' },
    ]);
  });

  test('does not mind where chunks are cut, nor how lines end', () => {
    const text = 'event: run\r\ndata: {"line":"ä"}\r\nid: 9\r\n\r\nevent: task\rdata: 2\r\r';
    for (let cut = 0; cut < text.length; cut += 1) {
      const parser = new EventParser();
      const events = [...parser.feed(text.slice(0, cut)), ...parser.feed(`${text.slice(cut)}\n`)];

      expect(events.map((event) => event.text)).toEqual(['{"line":"ä"}', '2']);
    }
  });
});

test('a stream that falls silent ends with an error', async () => {
  const events = readEvents(streamOf('data: 1\n\n'), 20);

  expect((await events.next()).value).toHaveLength(1);
  await expect(events.next()).rejects.toThrow(SilenceError);
});
