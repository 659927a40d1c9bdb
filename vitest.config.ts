import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const source = (entry: string) => fileURLToPath(new URL(`./src/${entry}/index.ts`, import.meta.url))

export default defineConfig({
  resolve: {
    // The examples name the package, as their readers do.
    alias: [
      { find: /^reign$/, replacement: source('.') },
      { find: /^reign\/otp$/, replacement: source('behaviour') },
    ],
  },
  test: {
    include: ['test/**/*.test.ts'],
    // They need networks of their own: `npm run test:faults`.
    exclude: ['test/namespaces/**', '**/node_modules/**'],
    // Fail loudly instead of hanging: every wait in a test has a deadline of its own below this one (`test/support/deadline.ts`).
    testTimeout: 150_000,
    hookTimeout: 300_000,
    pool: 'forks',
    // Two files at once: much of the time goes into waiting for other processes, also on a machine of two cores.
    maxWorkers: 2,
  },
})
