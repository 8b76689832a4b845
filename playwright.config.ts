import { defineConfig } from '@playwright/test';
import { electronBinary, hasDisplay, systemChromium } from './scripts/machine.mjs';

// One suite, run against every host that can be started here; a journey asks `testInfo.project.name` which one it has.
const chromium = systemChromium();
const asRoot = process.getuid?.() === 0;

// The desktop's journeys have a browser too: what a second visitor is told is looked at with it.
const hosts = ['loopback', ...(electronBinary() && hasDisplay() ? ['electron'] : [])];

export default defineConfig({
  testDir: 'e2e',
  outputDir: 'test-results/journeys',
  // Every journey starts a host, a demo and a browser of its own: two cores carry two of them.
  workers: 2,
  fullyParallel: false,
  retries: 0,
  forbidOnly: Boolean(process.env['CI']),
  timeout: 120_000,
  expect: { timeout: 15_000 },
  reporter: [['list']],
  use: {
    trace: 'retain-on-failure',
    screenshot: 'only-on-failure',
    actionTimeout: 15_000,
    locale: 'en-GB',
    timezoneId: 'UTC',
  },
  projects: [
    ...(chromium
      ? hosts.map((name) => ({
          name,
          use: {
            browserName: 'chromium' as const,
            viewport: { width: 1440, height: 900 },
            launchOptions: {
              executablePath: chromium,
              args: [
                ...(asRoot ? ['--no-sandbox'] : []),
                '--disable-gpu',
                '--disable-quic',
                '--no-first-run',
                '--disable-background-networking',
                '--disable-component-update',
                '--disable-sync',
              ],
            },
          },
        }))
      : []),
  ],
});
