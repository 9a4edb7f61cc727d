/**
 * Every state of the page, at both widths, light and dark: none breaks a rule of accessibility, none
 * is wider than the window. With DUETIME_SCREENSHOTS set, each is kept in docs/images/.
 */

import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { Page } from '@playwright/test';
import { TASK_OF_STATUS, failedTask, missedTask, NOW } from '@test/factories/task';
import { expect, expectNoViolations, rowOf, test } from './fixtures';
import { packed } from './png';
import { inSeconds, type System } from './system';

const IMAGES = fileURLToPath(new URL('../../docs/images/', import.meta.url));
const LONG =
  'Reconcile the ledgers of all branches with the central one, then mail the differences to everyone who signed';

interface State {
  name: string;
  /** Brings the page there; it has been opened at its first address before. */
  reach: (page: Page, system: System) => Promise<void>;
  /** Where it is opened. */
  address?: string;
  before?: (page: Page, system: System) => Promise<void>;
  leave?: (page: Page) => Promise<void>;
}

const isNarrow = (page: Page): boolean => (page.viewportSize()?.width ?? 0) < 720;

async function openForm(page: Page): Promise<void> {
  if (isNarrow(page)) {
    await page.getByRole('button', { name: 'New', exact: true }).click();
  }
}

const rowsShown = async (page: Page): Promise<void> => {
  await expect(rowOf(page, 'Water the plants')).toBeVisible();
};

const EMPTY: State[] = [
  {
    name: 'empty',
    reach: async (page) => {
      await expect(page.getByText('No tasks yet')).toBeVisible();
    },
  },
  {
    name: 'logs-empty',
    address: '/logs',
    reach: async (page) => {
      await expect(page.getByText('Nothing has run yet')).toBeVisible();
    },
  },
];

const STATES: State[] = [
  { name: 'tasks', reach: rowsShown },
  {
    name: 'logs',
    address: '/logs',
    reach: async (page) => {
      await expect(page.getByRole('listitem').first()).toBeVisible();
    },
  },
  {
    name: 'statuses',
    before: async (page, system) => {
      const shift = Date.now() - NOW;
      const move = (_name: string, value: unknown): unknown =>
        typeof value === 'string' && /^\d{4}-\d\d-\d\dT/.test(value)
          ? new Date(Date.parse(value) + shift).toISOString()
          : value;
      const tasks = [...Object.values(TASK_OF_STATUS), failedTask, missedTask].map((make) =>
        make(),
      );
      await page.route(`${system.api}/tasks?*`, (route) =>
        route.fulfill({
          contentType: 'application/json',
          headers: { 'access-control-allow-origin': system.page },
          body: JSON.stringify(JSON.parse(JSON.stringify(tasks), move)),
        }),
      );
    },
    reach: async (page) => {
      await expect(rowOf(page, 'Ring the bell')).toContainText('Overdue');
    },
  },
  {
    name: 'form',
    reach: async (page) => {
      await rowsShown(page);
      await openForm(page);
      await page.getByLabel('What is to happen').fill('Turn on the lights');
      const zone = page.getByLabel('In the time zone');
      await zone.focus();
      await zone.selectOption('America/New_York');
      await page.getByLabel('Every day').check();
    },
  },
  {
    name: 'refused',
    reach: async (page) => {
      await rowsShown(page);
      await openForm(page);
      await page.getByLabel('What is to happen').fill('Yesterday’s news');
      await page.getByLabel('When').fill('2020-01-31T09:30:00');
      await page.getByRole('button', { name: 'Add task' }).click();
      await expect(page.getByLabel('When')).toHaveAttribute('aria-invalid', 'true');
    },
  },
  {
    name: 'editing',
    reach: async (page) => {
      await rowsShown(page);
      await page.getByRole('button', { name: 'Edit “Water the plants”' }).click();
      await expect(page.getByRole('form', { name: /^Edit/ })).toBeVisible();
    },
  },
  {
    name: 'deleted',
    reach: async (page) => {
      await rowsShown(page);
      await page.getByRole('button', { name: 'Delete “Water the plants”' }).click();
      // Whoever is on the notice keeps it there.
      await page.getByRole('button', { name: 'Undo' }).focus();
    },
    // The states after this one have the task as well.
    leave: async (page) => {
      await page.getByRole('button', { name: 'Undo' }).click();
      await rowsShown(page);
    },
  },
  {
    name: 'filtered-empty',
    address: '/?text=zebra&status=overdue',
    reach: async (page) => {
      await expect(page.getByText('No task matches')).toBeVisible();
    },
  },
  {
    name: 'logs-of-a-task',
    reach: async (page) => {
      await rowsShown(page);
      await page.getByRole('button', { name: 'Logs of “Call the greenhouse”' }).click();
      await expect(page.getByRole('button', { name: 'Show the logs of all tasks' })).toBeVisible();
      await expect(page.getByRole('listitem').first()).toBeVisible();
    },
  },
  {
    name: 'loading',
    before: async (page, system) => {
      // Held until the page is closed.
      await page.route(`${system.api}/tasks**`, () => undefined);
    },
    reach: async (page) => {
      await expect(page.getByRole('status', { name: 'Loading tasks' })).toBeVisible();
    },
  },
  {
    name: 'error',
    before: async (page, system) => {
      await page.route(`${system.api}/**`, (route) => route.abort());
    },
    reach: async (page) => {
      await expect(page.getByText('The tasks could not be loaded')).toBeVisible();
      await expect(page.getByText(/Connection lost since/)).toBeVisible();
    },
  },
  {
    name: 'lost',
    reach: async (page) => {
      await rowsShown(page);
      await page.context().setOffline(true);
      await page.getByRole('button', { name: 'Keyboard help' }).focus();
      await page.keyboard.press('r');
      await expect(page.getByText(/Connection lost since/)).toBeVisible();
    },
  },
  {
    name: 'help',
    reach: async (page) => {
      await rowsShown(page);
      await page.keyboard.press('?');
      await expect(page.getByRole('dialog', { name: 'Keyboard' })).toBeVisible();
    },
  },
];

async function seed(system: System): Promise<void> {
  const python = (name: string, args: object = {}) => ({ type: 'python', name, args });
  const zone = { timezone: 'Europe/Berlin' };
  await system.registerAll([
    { description: 'Water the plants', time: inSeconds(1_752), ...zone },
    { description: 'Feed the cat', time: inSeconds(7_400), recurring: true, ...zone },
    { description: LONG, time: inSeconds(86_400 * 3), ...zone },
    { description: 'Renew the certificate', time: inSeconds(86_400 * 120), timezone: 'UTC' },
    {
      description: 'Open the shop',
      time: inSeconds(30_000),
      recurring: true,
      timezone: 'Asia/Tokyo',
    },
    ...['Rotate the keys', 'Send the invoices', 'Clean the cache', 'Warm the index'].map(
      (description, index) => ({ description, time: inSeconds(1 + index / 2), ...zone }),
    ),
    { description: 'Call the greenhouse', time: inSeconds(2), action: python('e2e.fail'), ...zone },
    {
      description: 'Measure the tide',
      time: inSeconds(2),
      timeout_seconds: 1,
      action: python('e2e.slow', { seconds: 60 }),
      ...zone,
    },
    {
      description: 'Back up the photos',
      time: inSeconds(2),
      timeout_seconds: 900,
      action: python('e2e.slow', { seconds: 800 }),
      ...zone,
    },
  ]);
  await expect
    .poll(async () => (await (await fetch(`${system.api}/tasks/logs`)).json()) as string[], {
      timeout: 60_000,
    })
    .toHaveLength(6);
}

function show(states: readonly State[]): void {
  for (const width of [1440, 360]) {
    for (const state of states) {
      test(`${state.name}, ${width} px`, async ({ page, system }) => {
        await page.setViewportSize({ width, height: width === 1440 ? 900 : 760 });
        await page.emulateMedia({ colorScheme: 'light', reducedMotion: 'reduce' });
        await state.before?.(page, system);
        await page.goto(system.page + (state.address ?? '/'));
        await state.reach(page, system);
        await page.evaluate(() => document.fonts.ready);
        await page.mouse.move(0, 0);

        expect(
          await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth),
        ).toBeLessThanOrEqual(0);
        for (const scheme of ['light', 'dark'] as const) {
          await page.emulateMedia({ colorScheme: scheme });
          await expectNoViolations(page);
          if (process.env.DUETIME_SCREENSHOTS) {
            const name = `page-${state.name}-${width}-${scheme}.png`;
            await writeFile(IMAGES + name, packed(await page.screenshot()));
          }
        }
        await state.leave?.(page);
      });
    }
  }
}

test.describe('a page with nothing on it', () => {
  show(EMPTY);
});

test.describe('a page in use', () => {
  test.beforeAll(async ({ system }) => {
    await seed(system);
  });

  show(STATES);
});
