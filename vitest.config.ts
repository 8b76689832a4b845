import { defineConfig } from 'vitest/config';

/** Both projects fail a file that leaves sockets, children, timers or unexpected error lines behind. */
const setupFiles = ['tests/support/leaks.ts'];

export default defineConfig({
  test: {
    passWithNoTests: false,
    teardownTimeout: 15_000,
    restoreMocks: true,
    unstubEnvs: true,
    unstubGlobals: true,
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['src/**/*.test.ts', 'src/**/*.test.tsx', 'scripts/**/*.test.ts', 'tests/support/**/*.test.ts'],
          environment: 'node',
          pool: 'forks',
          testTimeout: 15_000,
          setupFiles,
        },
      },
      {
        extends: true,
        test: {
          name: 'integration',
          include: ['tests/integration/**/*.test.ts'],
          environment: 'node',
          pool: 'forks',
          // Real servers on two cores: more files at once only makes them time out.
          maxWorkers: 2,
          testTimeout: 60_000,
          hookTimeout: 60_000,
          setupFiles,
        },
      },
      {
        extends: true,
        test: {
          name: 'faults',
          include: ['tests/faults/**/*.test.ts'],
          environment: 'node',
          pool: 'forks',
          setupFiles,
        },
      },
    ],
  },
});
