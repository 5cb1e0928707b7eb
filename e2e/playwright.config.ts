// How the browser tests run: the system's Chromium against the real binary, two files at a time, nothing repeated in secret.
import { defineConfig } from '@playwright/test';

/** The same engine without windows: it draws the same pages in less time. */
const SHELL = process.env['WHEELHOUSE_TEST_CHROMIUM'] ?? '/usr/bin/chromium-headless-shell';
/** Reports about pages are sent by the whole browser alone. */
const REPORTS = 'policy.spec.ts';

const launched = (executablePath: string) => ({
  executablePath,
  args: [
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
    // Reports about pages are sent within a second instead of a minute.
    '--short-reporting-delay',
  ],
});

export default defineConfig({
  testDir: './tests',
  outputDir: './results',
  workers: 2,
  fullyParallel: false,
  retries: 0,
  forbidOnly: process.env['CI'] === 'true',
  timeout: 180_000,
  expect: { timeout: 15_000 },
  reporter: [['list'], ['./lib/closing-line.ts']],
  use: {
    viewport: { width: 1440, height: 900 },
    locale: 'en-US',
    timezoneId: 'UTC',
    actionTimeout: 15_000,
    screenshot: 'only-on-failure',
    // Dear: each step is photographed. Set it to look into a failure.
    trace: process.env['WHEELHOUSE_TEST_TRACE'] ? 'retain-on-failure' : 'off',
  },
  projects: [
    { name: 'pages', testIgnore: REPORTS, use: { launchOptions: launched(SHELL) } },
    { name: 'reports', testMatch: REPORTS, use: { launchOptions: launched('/usr/bin/chromium') } },
  ],
});
