import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

/** A run of its own for `closing-line.test.ts`: the files here are no tests of Roundelay. */
export default defineConfig({
  test: {
    root: fileURLToPath(new URL('.', import.meta.url)),
    include: ['*.sample.ts'],
    reporters: ['../closing-line.ts'],
  },
})
