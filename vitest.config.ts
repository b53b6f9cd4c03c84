import { defaultExclude, defineConfig } from 'vitest/config'

/** `IN_FULL=1`, as `.ci/run` does: those too that take long, and more of what is drawn by lot. */
const isInFull = process.env['IN_FULL'] !== undefined

export default defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'test/**/*.test.ts', 'bench/**/*.test.ts'],
    exclude: [...defaultExclude, ...(isInFull ? [] : ['**/*.long.test.ts'])],
    reporters: ['default', './test/closing-line.ts'],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    globalSetup: ['./test/servers/postgres-bell.ts'],
    pool: 'forks',
    maxWorkers: 2,
  },
})
