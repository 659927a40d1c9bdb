/** The tests with networks of their own: Linux alone has these, and root alone may make them. `npm run test:faults` looks first. */
import { defineConfig, mergeConfig } from 'vitest/config'
import all from './vitest.config.js'

export default mergeConfig(
  { ...all, test: { ...all.test, include: [], exclude: [] } },
  defineConfig({
    test: {
      include: ['test/namespaces/**/*.test.ts'],
      globalSetup: ['test/namespaces/sweep.ts'],
      // They wait for ticks, most of the time.
      maxWorkers: 3,
    },
  }),
)
