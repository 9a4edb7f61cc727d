import { AxiosError, type AxiosResponse } from 'axios';
import { describe, expect, test } from 'vitest';
import { createHttp, freshKey, nextCursor } from './http';
import { problemOf } from './problem';
import { learn, offsetMs } from './serverClock';

describe('nextCursor', () => {
  test('is what the Link header says', () => {
    expect(nextCursor('</tasks?limit=200&cursor=a%2Fb>; rel="next"')).toBe('a/b');
    expect(nextCursor('</tasks>; rel="first", </tasks?cursor=x>; rel="next"')).toBe('x');
  });

  test.each([undefined, '', '</tasks?cursor=x>; rel="prev"'])('%j leads nowhere', (link) => {
    expect(nextCursor(link)).toBeNull();
  });
});

test('a fresh key has the form of a UUID and comes once', () => {
  const keys = new Set(Array.from({ length: 100 }, freshKey));

  expect(keys.size).toBe(100);
  expect([...keys][0]).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
});

describe('how a request fared', () => {
  const fared = async (status: number, contentType: string): Promise<string> => {
    let fate = '';
    const http = createHttp('http://api', {
      answered: () => (fate = 'answered'),
      unreachable: () => (fate = 'unreachable'),
    });
    const asked = http.get('/tasks', {
      adapter: (config) => {
        const headers = { 'content-type': contentType };
        const response = { status, data: '', headers, statusText: '', config };
        return Promise.reject(new AxiosError('no', 'ERR', config, undefined, response));
      },
    });
    await expect(asked).rejects.toThrow();
    return fate;
  };

  test('an API that refuses is there', async () => {
    expect(await fared(503, 'application/problem+json')).toBe('answered');
    expect(await fared(404, 'text/plain')).toBe('answered');
  });

  test.each([502, 503, 504])('a gateway that answers %s speaks for nobody', async (status) => {
    expect(await fared(status, 'text/html')).toBe('unreachable');
  });
});

describe('problemOf', () => {
  const answered = (status: number, data: unknown, headers = {}): AxiosError => {
    const response = { status, data, headers, statusText: '', config: {} } as AxiosResponse;
    return new AxiosError('no', 'ERR', undefined, undefined, response);
  };

  test('gives the fields at fault with their rules', () => {
    const problem = problemOf(
      answered(422, {
        title: 'A field breaks a rule',
        detail: 'time lies in the past',
        errors: [{ field: 'time', reason: 'lies in the past', rule: 'it lies ahead' }, 'nonsense'],
      }),
    );

    expect(problem).toMatchObject({
      kind: 'refused',
      detail: 'time lies in the past',
      errors: [{ field: 'time', reason: 'lies in the past', rule: 'it lies ahead' }],
    });
  });

  test.each([
    [404, 'gone'],
    [412, 'conflict'],
    [429, 'unavailable'],
    [503, 'unavailable'],
    [500, 'broken'],
    [413, 'refused'],
  ])('tells by the status %s that it is %s', (status, kind) => {
    expect(problemOf(answered(status, '<html>')).kind).toBe(kind);
  });

  test('says when to ask again', () => {
    expect(problemOf(answered(503, {}, { 'retry-after': '2' })).retryAfterSeconds).toBe(2);
  });

  test('knows no answer from an answer', () => {
    expect(problemOf(new AxiosError('Network Error')).kind).toBe('unreachable');
    expect(problemOf(new Error('whatever')).kind).toBe('unreachable');
  });
});

describe('the server’s clock', () => {
  const date = 'Tue, 24 Nov 2026 12:00:00 GMT';
  const said = Date.parse(date);

  test('counts as equal where whole seconds cannot tell', () => {
    expect(offsetMs(learn(null, said + 300, said + 500, date))).toBe(0);
    expect(offsetMs(null)).toBe(0);
  });

  test('is narrowed down by several answers', () => {
    const first = learn(null, said - 60_000, said - 59_900, date);
    const second = learn(first, said - 59_200, said - 59_100, date);

    expect(offsetMs(first)).toBe(60_450);
    expect(second).toEqual({ low: 59_900, high: 60_200 });
  });

  test('is learned anew when it was set', () => {
    const before = learn(null, said, said + 10, date);
    const after = learn(before, said - 100_000, said - 99_990, date);

    expect(after).toEqual({ low: 99_990, high: 101_000 });
  });

  test('stays unknown without a date', () => {
    expect(learn(null, 0, 1, null)).toBeNull();
  });
});
