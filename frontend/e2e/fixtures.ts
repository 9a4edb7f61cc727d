/** What every browser test starts from: a system, a page on it, no errors in the console, no axe violations. */

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { expect, test as base, type Page } from '@playwright/test';
import type { AxeResults } from 'axe-core';
import { System } from './system';

const axeSource = readFileSync(
  createRequire(import.meta.url).resolve('axe-core/axe.min.js'),
  'utf8',
);

interface Fixtures {
  /** Messages that a test expects in the console, by a part of their text. */
  quiet: string[];
  faults: string[];
}

/** While the API is gone, a load balancer's own answers carry no CORS headers. */
const QUIET = [
  'net::ERR_',
  'Failed to load resource',
  ...(process.env.DUETIME_E2E === 'stack' ? ['blocked by CORS policy'] : []),
];

export const test = base.extend<Fixtures, { system: System }>({
  system: [
    // eslint-disable-next-line no-empty-pattern -- Playwright reads the parameters' names
    async ({}, use) => {
      const system = await System.start();
      await use(system);
      await system.stop();
    },
    { scope: 'worker', timeout: 180_000 },
  ],
  quiet: [QUIET, { option: true }],
  faults: [
    async ({ page, quiet }, use) => {
      const faults: string[] = [];
      page.on('pageerror', (error) => faults.push(error.message));
      page.on('console', (message) => {
        const text = message.text();
        if (message.type() === 'error' && !quiet.some((part) => text.includes(part))) {
          faults.push(text);
        }
      });
      await use(faults);
      expect(faults).toEqual([]);
    },
    { auto: true },
  ],
});

export { expect };

/** Fails with what is wrong and where, for people. */
export async function expectNoViolations(page: Page): Promise<void> {
  // The page's own policy lets no script in; the debugger's evaluation is not bound by it.
  await page.evaluate(axeSource);
  const found = await page.evaluate(async () => {
    const { axe } = window as unknown as { axe: { run: (options: object) => Promise<AxeResults> } };
    const results = await axe.run({
      runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
    });
    return results.violations.map(
      ({ id, help, nodes }) =>
        `${id}: ${help}\n  ${nodes.map(({ html, failureSummary }) => `${html}\n    ${failureSummary ?? ''}`).join('\n  ')}`,
    );
  });
  expect(found).toEqual([]);
}

export const rowOf = (page: Page, description: string) =>
  page.getByRole('row').filter({ hasText: description });
