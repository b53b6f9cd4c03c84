import { expect, test } from 'vitest'
import { VirtualClock } from '../../../test/sim/virtual-clock.ts'
import { UploadPace } from './upload-pace.ts'

const limits = { slowestRate: 4_096, patienceMs: 15_000 }
const enough = 4_096 * 15

function paced() {
  const clock = new VirtualClock(0)
  const told = { isSlow: false }
  const pace = new UploadPace(clock, limits, () => (told.isSlow = true))
  const pass = async (ms: number): Promise<boolean> => {
    await clock.runUntil(() => false, ms)
    return told.isSlow
  }
  return { pace, pass }
}

test('each while has to bring enough of its own', async () => {
  const { pace, pass } = paced()
  pace.took(2 * enough)
  expect(await pass(15_000)).toBe(false)
  pace.took(enough - 1)
  expect(await pass(14_999)).toBe(false)
  expect(await pass(1)).toBe(true)
})

test('whoever waits for us is not slow, however long, and neither is who has said all', async () => {
  const { pace, pass } = paced()
  pace.hold()
  expect(await pass(60_000)).toBe(false)
  pace.go()
  expect(await pass(15_000)).toBe(false)
  pace.end()
  expect(await pass(60_000)).toBe(false)
})
