/** What jsdom lacks of a browser, and what every test begins and ends with. */

import '@testing-library/jest-dom/vitest';
import { cleanup, configure } from '@testing-library/react';
import { afterAll, afterEach, beforeAll } from 'vitest';
import { emptyWorld, server } from './server';

// The document is long: what was looked for in it says more than all of it.
configure({
  // A busy machine is no failure.
  asyncUtilTimeout: 5_000,
  getElementError: (message) => new Error(message ?? 'not found'),
});

const ROW_PX = 54;
const VIEW_PX = 800;

Object.defineProperty(HTMLElement.prototype, 'offsetHeight', {
  configurable: true,
  get(this: HTMLElement) {
    return this.dataset.index === undefined ? VIEW_PX : ROW_PX;
  },
});
Object.defineProperty(HTMLElement.prototype, 'offsetWidth', { configurable: true, value: 1200 });
for (const [name, value] of [
  ['clientHeight', VIEW_PX],
  ['clientWidth', 1200],
] as const) {
  Object.defineProperty(Element.prototype, name, { configurable: true, value });
}

class SilentObserver implements ResizeObserver {
  observe(): void {
    // Nothing is ever laid out here.
  }
  unobserve(): void {
    // As above.
  }
  disconnect(): void {
    // As above.
  }
}

window.ResizeObserver = SilentObserver;
// Wide, light, and never different.
window.matchMedia = (query) =>
  Object.assign(new EventTarget(), {
    matches: query.includes('min-width'),
    media: query,
  }) as MediaQueryList;
Element.prototype.scrollTo = () => undefined;
HTMLDialogElement.prototype.showModal = function showModal() {
  this.open = true;
};
HTMLDialogElement.prototype.close = function close() {
  this.open = false;
  this.dispatchEvent(new Event('close'));
};

beforeAll(() => {
  server.listen({ onUnhandledRequest: 'error' });
});

afterEach(() => {
  cleanup();
  server.resetHandlers();
  emptyWorld();
});

afterAll(() => {
  server.close();
});
