import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'

const vitest = fileURLToPath(new URL('../node_modules/vitest/vitest.mjs', import.meta.url))
const config = fileURLToPath(new URL('closing-line/vitest.config.ts', import.meta.url))

describe.concurrent('the closing line', () => {
  test.each([
    { files: ['skips'], CI: '', closes: '2 passed, 0 failed, 3 skipped', status: 0 },
    { files: ['skips'], CI: 'true', closes: '2 passed, 0 failed, 3 skipped', status: 1 },
    { files: ['skips', 'fails'], CI: '', closes: '2 passed, 1 failed, 3 skipped', status: 1 },
    { files: ['skips', 'breaks'], CI: '', closes: '2 passed, 1 failed, 3 skipped', status: 1 },
    { files: ['nothing'], CI: '', closes: '0 passed, 0 failed, 0 skipped', status: 1 },
  ])('of $files with CI="$CI" is "$closes", status $status', async ({ files, CI, ...expected }) => {
    expect(await closing(files, CI)).toEqual(expected)
  })
})

function closing(
  files: readonly string[],
  CI: string,
): Promise<{ closes: string; status: unknown }> {
  const { VITEST: _, ...env } = process.env
  return new Promise((resolve) => {
    const args = [vitest, 'run', '--config', config, ...files]
    execFile(process.execPath, args, { env: { ...env, CI } }, (error, stdout) => {
      resolve({ closes: stdout.trim().split('\n').at(-1) ?? '', status: error?.code ?? 0 })
    })
  })
}
