import type { Page } from '@playwright/test';
import { expect, rowOf, test } from './fixtures';
import { inSeconds } from './system';

const describeTask = async (page: Page, description: string): Promise<void> => {
  await page.getByLabel('What is to happen').fill(description);
};

test.describe('the plain flow', () => {
  test.use({ viewport: { width: 1440, height: 900 } });

  test.beforeEach(async ({ page, system }) => {
    await system.clear();
    await page.goto(system.page);
  });

  test('a task registered for a few seconds ahead is seen to run, in list and logs', async ({
    page,
  }) => {
    await describeTask(page, 'Feed the cat');
    await page.getByRole('button', { name: 'In 10 s' }).click();
    await page.getByRole('button', { name: 'Add task' }).click();

    await expect(rowOf(page, 'Feed the cat')).toContainText('Scheduled');
    await expect(rowOf(page, 'Feed the cat')).toContainText(/in \d+ s/);
    await expect(rowOf(page, 'Feed the cat')).toContainText('Finished', { timeout: 20_000 });
    await expect(rowOf(page, 'Feed the cat')).toContainText(/on time|late/);
    await expect(
      page.getByRole('list').getByRole('listitem').filter({ hasText: 'Feed the cat' }),
    ).toContainText(/ran, .*(late|on time).*, took/);
  });

  test('a task is edited where it stands, by keyboard alone', async ({ page, system }) => {
    await system.register({ description: 'Call the bank', time: inSeconds(3600) });
    await rowOf(page, 'Call the bank').focus();
    await page.keyboard.press('e');
    await expect(page.getByRole('form', { name: /Edit/ }).getByLabel('What is')).toBeFocused();
    await page.keyboard.press('ControlOrMeta+a');
    await page.keyboard.type('Call the bank back');
    await page.keyboard.press('Enter');

    await expect(rowOf(page, 'Call the bank back')).toBeVisible();
    await expect(rowOf(page, 'Call the bank back')).toBeFocused();
    await expect
      .poll(async () => (await system.tasks()).map(({ description }) => description))
      .toEqual(['Call the bank back']);
  });

  test('the whole flow goes without a pointer', async ({ page, system }) => {
    await expect(page.getByText('No tasks yet')).toBeVisible();
    await page.keyboard.press('n');
    await expect(page.getByLabel('What is to happen')).toBeFocused();
    await page.keyboard.type('Ring the bell');
    await page.keyboard.press('Enter');
    await expect(rowOf(page, 'Ring the bell')).toContainText('Scheduled');
    await expect.poll(async () => (await system.tasks()).length).toBe(1);
    await page.getByRole('button', { name: 'Keyboard help' }).focus();
    await page.keyboard.press('j');
    await expect(rowOf(page, 'Ring the bell')).toBeFocused();
    await page.keyboard.press('l');
    await expect(page.getByText('This task has not run yet.')).toBeVisible();
    await rowOf(page, 'Ring the bell').focus();
    await page.keyboard.press('x');
    await expect(rowOf(page, 'Ring the bell')).toBeHidden();
    await page.keyboard.press('u');
    await expect(rowOf(page, 'Ring the bell')).toBeVisible();
    await page.keyboard.press('?');
    await expect(page.getByRole('dialog', { name: 'Keyboard' })).toBeVisible();
    await page.keyboard.press('Escape');
    await page.keyboard.press('g');
    await page.keyboard.press('l');

    await expect(page).toHaveURL(/\/logs/);
    expect(await system.tasks()).toHaveLength(1);
  });

  test('an edit over a change that someone else made asks first', async ({ page, system }) => {
    const task = await system.register({ description: 'Order paper', time: inSeconds(3600) });
    await rowOf(page, 'Order paper').focus();
    await page.keyboard.press('Enter');
    const form = page.getByRole('form', { name: /Edit/ });
    await form.getByLabel('What is').fill('Order much paper');
    await system.change(task.id, { description: 'Order no paper', time: inSeconds(3600) });
    await expect(form.getByRole('alert')).toContainText('Someone changed this task');
    await form.getByRole('button', { name: 'Save mine over it' }).click();

    await expect(rowOf(page, 'Order much paper')).toBeVisible();
    await expect
      .poll(async () => (await system.tasks()).map(({ revision }) => revision))
      .toEqual([3]);
  });

  test('a deletion can be taken back; one that is not goes through', async ({ page, system }) => {
    await system.register({ description: 'Keep me', time: inSeconds(3600) });
    await system.register({ description: 'Drop me', time: inSeconds(7200) });
    await page.getByRole('button', { name: 'Delete “Keep me”' }).click();
    await expect(rowOf(page, 'Keep me')).toBeHidden();
    await page.getByRole('button', { name: 'Undo' }).click();
    await expect(rowOf(page, 'Keep me')).toBeVisible();
    await rowOf(page, 'Drop me').focus();
    await page.keyboard.press('x');
    await expect(rowOf(page, 'Drop me')).toBeHidden();

    expect(await system.tasks()).toHaveLength(2);
    await expect
      .poll(async () => (await system.tasks()).map(({ description }) => description), {
        timeout: 15_000,
      })
      .toEqual(['Keep me']);
  });

  test('a deletion of a task that is about to run does not wait', async ({ page, system }) => {
    await system.register({ description: 'Too soon', time: inSeconds(6) });
    await page.getByRole('button', { name: 'Delete “Too soon”' }).click();

    await expect.poll(async () => system.tasks(), { timeout: 3_000 }).toEqual([]);
    await expect(page.getByText('since it was about to run')).toBeVisible();
  });

  test('a deletion that waits is sent when the page is left', async ({ page, system }) => {
    await system.register({ description: 'Leave me', time: inSeconds(3600) });
    await page.getByRole('button', { name: 'Delete “Leave me”' }).click();
    await expect(rowOf(page, 'Leave me')).toBeHidden();
    await page.goto('about:blank');

    await expect.poll(async () => system.tasks(), { timeout: 5_000 }).toEqual([]);
  });

  test('a refused task comes back to the form with the rule', async ({ page }) => {
    await describeTask(page, 'Yesterday’s news');
    await page.getByLabel('When').fill('2020-01-31T09:30:00');
    await page.getByRole('button', { name: 'Add task' }).click();

    const form = page.getByRole('form', { name: 'New task' });
    await expect(form).toContainText('`time`'.replaceAll('`', ''));
    await expect(form).toContainText('lies');
    await expect(page.getByLabel('When')).toBeFocused();
    await expect(page.getByLabel('When')).toHaveAttribute('aria-invalid', 'true');
    await expect(page.getByLabel('What is to happen')).toHaveValue('Yesterday’s news');
    await expect(rowOf(page, 'Yesterday’s news')).toBeHidden();
  });

  test('what came from outside is shown as text', async ({ page, system }) => {
    const script = '<img src=x onerror="document.title=1"><b>bold</b>';
    await system.register({ description: script, time: inSeconds(2) });

    await expect(rowOf(page, script)).toContainText('Finished', { timeout: 15_000 });
    await expect(page.getByRole('listitem').filter({ hasText: script }).first()).toBeVisible();
    await expect(page).toHaveTitle('Duetime');
  });

  test('filters are in the address and survive a reload', async ({ page, system }) => {
    await system.register({ description: 'Alpha', time: inSeconds(3600) });
    await system.register({ description: 'Beta', time: inSeconds(3600) });
    await expect(rowOf(page, 'Beta')).toBeVisible();
    await page.keyboard.press('/');
    await expect(page.getByRole('searchbox', { name: 'Search tasks' })).toBeFocused();
    await page.keyboard.type('alp');
    await expect(rowOf(page, 'Beta')).toBeHidden();
    await page.getByRole('radio', { name: 'Scheduled' }).check();

    await expect(page).toHaveURL(/\?text=alp&status=scheduled$/);
    await page.reload();
    await expect(rowOf(page, 'Alpha')).toBeVisible();
    await expect(rowOf(page, 'Beta')).toBeHidden();
    await page.goBack();
    await expect(page.getByRole('radio', { name: 'All' })).toBeChecked();
  });

  test('the page says since when the API is gone, and comes back by itself', async ({
    page,
    system,
  }) => {
    await system.register({ description: 'Survivor', time: inSeconds(3600) });
    await expect(rowOf(page, 'Survivor')).toBeVisible();
    await system.killApi();
    await expect(page.getByText(/Connection lost since \d\d:\d\d:\d\d CES?T/)).toBeVisible();
    await describeTask(page, 'Lost for now');
    await page.getByRole('button', { name: 'Add task' }).click();
    await expect(page.getByText('Not saved: the API does not answer')).toBeVisible();
    await expect(rowOf(page, 'Lost for now')).toBeHidden();
    await expect(page.getByLabel('What is to happen')).toHaveValue('Lost for now');
    await system.startApi();

    await expect(page.getByText('Connection lost')).toBeHidden({ timeout: 20_000 });
    await page.getByRole('button', { name: 'Add task' }).click();
    await expect(rowOf(page, 'Lost for now')).toContainText('Scheduled');
    await expect.poll(async () => (await system.tasks()).length).toBe(2);
  });
});
