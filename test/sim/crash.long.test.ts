import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { seededRandom } from '../../src/base/random.ts'
import { liveAndDie, type Deaths, type Outcome } from './crash-life.ts'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'roundelay-crash-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

/** `KILLS=100000` tries every statement. */
const kills = Number(process.env['KILLS'] ?? 60)

const never: Deaths = () => Number.POSITIVE_INFINITY

/** What a death must not change. */
function seen({ shown, writes, broken }: Outcome): object {
  return { shown, writes, broken }
}

it('W6 killed between any two statements, once: the outcome is that of a run without', async () => {
  const whole = await liveAndDie(folder, never)
  expect(Object.keys(whole.shown[0] ?? {})).toHaveLength(9)
  const stride = Math.ceil(whole.statements / kills)
  for (let at = 1; at < whole.statements; at += stride) {
    const killed = await liveAndDie(folder, (life) => (life === 1 ? at : Number.POSITIVE_INFINITY))
    expect({ at, ...seen(killed) }).toEqual({
      at,
      ...seen(whole),
    })
  }
}, 120_000)

it('W6 killed again and again, at any moment', async () => {
  const whole = await liveAndDie(folder, never)
  for (let seed = 1; seed <= 12; seed++) {
    const random = seededRandom(seed)
    const killed = await liveAndDie(folder, () => 60 + Math.floor(random() * 400))
    expect(killed.lives).toBeGreaterThan(3)
    expect({ seed, ...seen(killed) }).toEqual({
      seed,
      ...seen(whole),
    })
  }
}, 120_000)

it('W6 would not hold if a turn were not one transaction: the deaths find out', async () => {
  const whole = await liveAndDie(folder, never)
  const random = seededRandom(7)
  let different = 0
  for (let n = 0; n < 120 && different === 0; n++) {
    const killed = await liveAndDie(
      folder,
      (life) =>
        life === 1 ? 100 + Math.floor(random() * whole.statements * 0.8) : Number.POSITIVE_INFINITY,
      (sql) =>
        /^(?:begin immediate|commit|savepoint part|release part)$/.test(sql) ? 'select 1' : null,
    ).catch(() => null)
    if (killed === null || JSON.stringify(seen(killed)) !== JSON.stringify(seen(whole))) different++
  }
  expect(different).toBeGreaterThan(0)
}, 60_000)
