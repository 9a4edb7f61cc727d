import { expect, test } from 'vitest';
import { addressOf, placeOf } from './place';
import { keptPreferences } from './preferences';

test.each([
  '/',
  '/logs',
  '/?text=a+b&status=overdue',
  '/logs?log=failed&task=01935c6e-0000-7000-8000-000000000001',
])('the address %s leads to a place and back', (address) => {
  expect(addressOf(placeOf(new URL(address, 'http://page')))).toBe(address);
});

test('an unknown status or path is passed over', () => {
  expect(placeOf(new URL('http://page/nowhere?status=lost'))).toMatchObject({
    view: 'tasks',
    status: null,
  });
});

test('preferences that cannot be read count as not chosen', () => {
  const kept = (text: string | null) => keptPreferences({ getItem: () => text });

  expect(kept('{"theme":"dark","zone":"utc","shortcuts":false}')).toEqual({
    theme: 'dark',
    zone: 'utc',
    shortcuts: false,
  });
  for (const text of [null, 'no json', '7', 'null', '{"theme":"pink"}']) {
    expect(kept(text)).toEqual({ theme: 'system', zone: 'local', shortcuts: true });
  }
});
