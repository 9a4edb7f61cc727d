import { defineConfig } from '@playwright/test';

export default defineConfig({
  testDir: '.',
  outputDir: './.results',
  // A project is a system of its own; on it, one story comes after the other. Much of a story is
  // waiting, so two at once cost little.
  workers: 2,
  fullyParallel: false,
  projects: ['flow', 'states', 'many'].map((name) => ({ name, testMatch: `${name}.spec.ts` })),
  retries: 0,
  forbidOnly: true,
  // Bounds for a busy machine: nothing waits for them when all is well.
  timeout: 90_000,
  expect: { timeout: 20_000 },
  reporter: [['list']],
  use: {
    browserName: 'chromium',
    timezoneId: 'Europe/Berlin',
    locale: 'en-GB',
    launchOptions: {
      executablePath: process.env.DUETIME_CHROMIUM ?? '/usr/bin/chromium',
      args: [
        '--no-sandbox',
        '--disable-gpu',
        '--disable-quic',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
      ],
    },
    // A trace is worth most of the processor's time: only for those who look for a fault.
    trace: process.env.DUETIME_TRACE ? 'retain-on-failure' : 'off',
    screenshot: 'only-on-failure',
  },
});
