import { expect, test } from 'vitest'
import { made } from '../../../test/content/deployments.ts'
import { VirtualClock } from '../../../test/sim/virtual-clock.ts'
import type { Outcome } from './basket.ts'
import { Outcomes } from './outcomes.ts'

const megabyte = 1_048_576

/** Of an entity with a file, and content, of so many bytes. */
function outcome(fileBytes: number, contentBytes = 0): Promise<Outcome> {
  const deployment = { ...made('a'), file: Buffer.alloc(fileBytes) }
  const blobs = [{ hash: 'small', bytes: Buffer.alloc(contentBytes) }]
  return Promise.resolve({ admitted: { deployment, blobs } })
}

async function remembered(sizes: readonly number[]): Promise<readonly number[]> {
  const outcomes = new Outcomes(new VirtualClock())
  for (const [n, size] of sizes.entries()) {
    outcomes.remember(String(n), outcome(size))
    await Promise.resolve()
  }
  return [...sizes.keys()].filter((n) => outcomes.known(String(n)) !== null)
}

test('of more than a thousand the oldest are forgotten', async () => {
  const known = await remembered(Array.from({ length: 1_002 }, () => 1))
  expect([known[0], known.length]).toEqual([2, 1_000])
})

test('of more than 32 MiB the oldest are forgotten', async () => {
  const known = await remembered(Array.from({ length: 35 }, () => megabyte))
  expect([known[0], known.length]).toEqual([3, 32])
})

test('what has more than a mebibyte is not remembered, once it is there', async () => {
  const outcomes = new Outcomes(new VirtualClock())
  const big = outcome(megabyte / 2, megabyte / 2 + 1)
  outcomes.remember('big', big)
  expect(outcomes.known('big')).toBe(big)
  await big
  expect(outcomes.known('big')).toBeNull()
})

test('whoever takes it anew is remembered in the place of who failed', async () => {
  const outcomes = new Outcomes(new VirtualClock())
  outcomes.remember('a', outcome(megabyte))
  const second = outcome(2 * megabyte)
  outcomes.remember('a', Promise.resolve({ error: new Error('Nobody has it.') }))
  await Promise.resolve()
  expect(outcomes.known('a')).not.toBeNull()
  outcomes.remember('a', second)
  expect(outcomes.known('a')).toBe(second)
})
