import { Buffer } from 'node:buffer'
import { describe, expect, test } from 'vitest'
import { entityTypes, type EntityType } from '../entity.ts'
import { RateLimit, rateLimits, type LimitedDeployment, type RateLimits } from './rate-limit.ts'

/** A limit beside the hand that moves its time. */
function limitAt(limits: RateLimits = rateLimits): {
  limit: RateLimit
  wait: (ms: number) => void
} {
  let now = 0
  const limit = new RateLimit({ limits, clock: { elapsed: () => now } })
  return {
    limit,
    wait: (ms) => {
      now += ms
    },
  }
}

function deployment(
  type: EntityType,
  pointer: string,
  says = `${Math.random()}`,
): LimitedDeployment {
  const file = Buffer.from(`{"metadata":${says},"timestamp":${Math.random()}}`)
  const metadata = { start: 12, end: 12 + says.length }
  return { entityId: 'bafy', type, pointers: [pointer, `${pointer}b`], file, metadata }
}

describe.each(entityTypes.map((type) => ({ type, limits: rateLimits.types[type] })))(
  'a $type',
  ({ type, limits: { restMs, maxResting } }) => {
    test(`rests ${restMs} ms on each of its pointers`, () => {
      const { limit, wait } = limitAt()
      expect(limit.errors(deployment(type, 'a'))).toEqual([])
      limit.note(deployment(type, 'a'))
      wait(restMs - 1)
      expect(limit.errors(deployment(type, 'a'))).toEqual([
        'Entity rate limited (entityId=bafy pointers=a,ab).',
      ])
      expect(limit.errors({ ...deployment(type, 'ab'), pointers: ['c', 'ab'] })).toHaveLength(1)
      expect(limit.errors(deployment(type, 'c'))).toEqual([])
      wait(1)
      expect(limit.errors(deployment(type, 'a'))).toEqual([])
    })

    test(`waits when more than ${maxResting} pointers rest`, () => {
      const { limit, wait } = limitAt()
      for (let index = 0; index < maxResting / 2; index++) limit.note(deployment(type, `p${index}`))
      expect(limit.errors(deployment(type, 'a'))).toEqual([])
      limit.note(deployment(type, 'last'))
      expect(limit.errors(deployment(type, 'a'))).toHaveLength(1)
      const another = type === 'scene' ? 'store' : 'scene'
      expect(limit.errors(deployment(another, 'a'))).toEqual([])
      wait(restMs)
      expect(limit.errors(deployment(type, 'a'))).toEqual([])
    })
  },
)

test('only what was noted counts', () => {
  const { limit } = limitAt()
  for (let index = 0; index < 10; index++) {
    expect(limit.errors(deployment('scene', 'a'))).toEqual([])
  }
})

describe('a profile that says the same again', () => {
  const again = deployment('profile', 'a', '"I"')

  test('is taken once more, and then not for five minutes', () => {
    const { limit, wait } = limitAt()
    limit.note(again)
    wait(10_000)
    expect(limit.errors(again)).toEqual([])
    limit.note(again)
    wait(299_999)
    expect(limit.errors(again)).toHaveLength(1)
    expect(limit.errors({ ...again, pointers: ['c', 'ab'] })).toHaveLength(1)
    expect(limit.errors(deployment('profile', 'a', '"We"'))).toEqual([])
    wait(1)
    expect(limit.errors(again)).toEqual([])
  })

  test('is new when it said something else in between', () => {
    const { limit, wait } = limitAt()
    for (const says of ['"I"', '"I"', '"We"']) limit.note(deployment('profile', 'a', says))
    wait(10_000)
    expect(limit.errors(again)).toEqual([])
  })

  test('is new when nobody can tell what it says', () => {
    const { limit, wait } = limitAt()
    for (let index = 0; index < 3; index++) limit.note({ ...again, metadata: null })
    wait(10_000)
    expect(limit.errors({ ...again, metadata: null })).toEqual([])
  })

  test('scenes may', () => {
    const { limit, wait } = limitAt()
    for (let index = 0; index < 3; index++) limit.note({ ...again, type: 'scene' })
    wait(20_000)
    expect(limit.errors({ ...again, type: 'scene' })).toEqual([])
  })
})

test('nothing rests where the limits are raised', () => {
  const none = { restMs: 0, maxResting: Infinity }
  const types = {
    scene: none,
    profile: none,
    wearable: none,
    store: none,
    emote: none,
    outfits: none,
  }
  const { limit } = limitAt({ types, unchangedMs: 0 })
  const same = deployment('profile', 'a', '"I"')
  for (let index = 0; index < 3; index++) limit.note(same)
  expect(limit.errors(same)).toEqual([])
})
