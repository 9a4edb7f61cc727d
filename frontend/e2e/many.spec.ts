/** Ten thousand tasks, and as many lines as they leave: what a person does with them stays quick. */

import type { Page } from '@playwright/test';
import { expect, rowOf, test } from './fixtures';
import { inSeconds } from './system';

const COUNT = 10_000;
/** Faster than anyone reads: two dozen rows go by with every three frames. */
const STEP_PX = 400;
const STEPS = 120;
/**
 * What a frame of scrolling may cost the page's own thread, in milliseconds of processor time (other
 * programs on the machine do not count): what 30 frames a second leave.
 */
const STEP_CPU_MS_MAX = 33;
/** Rows in the document, however many there are: what fits a high window, and its margins. */
const ROWS_MAX = 80;

test.use({ viewport: { width: 1440, height: 900 } });

test('ten thousand tasks stay smooth', async ({ page, system }) => {
  test.setTimeout(240_000);
  await system.registerAll(
    Array.from({ length: COUNT }, (_, index) => ({
      description: `Task ${index}`,
      time: inSeconds(3600 + index),
    })),
  );
  await expect
    .poll(async () => (await system.tasks()).length, { timeout: 90_000, intervals: [1_000] })
    .toBe(COUNT);
  await page.goto(system.page);
  await expect(rowOf(page, 'Task 0')).toBeVisible();
  await page.keyboard.press('/');
  await page.keyboard.type(`Task ${COUNT - 1}`);
  await expect(rowOf(page, `Task ${COUNT - 1}`)).toBeVisible({ timeout: 60_000 });
  await page.getByRole('button', { name: 'Clear: Search tasks' }).click();
  await expect(rowOf(page, 'Task 0')).toBeVisible();

  // Down to the very last, page by page as they are fetched.
  await rowOf(page, 'Task 0').focus();
  await expect
    .poll(
      async () => {
        await page.keyboard.press('End');
        return rowOf(page, `Task ${COUNT - 1}`).isVisible();
      },
      { timeout: 60_000, intervals: [250] },
    )
    .toBe(true);
  await page.keyboard.press('Home');
  await expect(rowOf(page, 'Task 0')).toBeFocused();

  const spent = await threadClock(page);
  const before = await spent();
  const rows = await scroll(page);
  const stepMs = ((await spent()) - before) * (1_000 / STEPS);
  console.log(`scrolling ${COUNT} rows: ${stepMs.toFixed(1)} ms of the page's thread a frame`);

  expect(rows).toBeLessThan(ROWS_MAX);
  expect(stepMs).toBeLessThan(STEP_CPU_MS_MAX);
});

/** Scrolls down the list frame by frame; gives how many rows the document then holds. */
function scroll(page: Page): Promise<number> {
  return page.evaluate(
    async ([steps, stepPx]) => {
      const scroller = document.querySelector('[role=grid] [role=presentation] > *');
      if (!scroller) {
        throw new Error('no list');
      }
      for (let step = 1; step <= steps; step += 1) {
        scroller.scrollTop = step * stepPx;
        await new Promise(requestAnimationFrame);
      }
      return document.querySelectorAll('[data-task]').length;
    },
    [STEPS, STEP_PX] as const,
  );
}

/** Gives a look at the processor time that the page's main thread has spent, in seconds. */
async function threadClock(page: Page): Promise<() => Promise<number>> {
  const session = await page.context().newCDPSession(page);
  await session.send('Performance.enable', { timeDomain: 'threadTicks' });
  return async () => {
    const { metrics } = await session.send('Performance.getMetrics');
    const spent = metrics.find(({ name }) => name === 'TaskDuration')?.value;
    if (!spent) {
      throw new Error('the browser does not tell');
    }
    return spent;
  };
}
