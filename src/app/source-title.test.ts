import { setImmediate } from 'node:timers/promises'
import { expect, it } from 'vitest'
import type { Fields, Log } from '../base/log.ts'
import type { ListClaim, Result } from '../engine/task.ts'
import { Events } from './events.ts'
import { harmlessLine } from './logger.ts'
import { folderTitle, SourceTitles, sourceTitle } from './source-title.ts'

const settings = {}
const entry = { id: 7, ownerId: 1, kind: 'memory', address: '', settings, intervalMs: 1 }

/** A registry with one source, which counts how often it was asked and may be away. */
class OneSource {
  asked = 0
  isAway = false

  async source(id: number) {
    this.asked++
    if (this.isAway) throw new Error('the database is away')
    return id === 7 ? { ...entry, name: 'nas' } : null
  }

  async ownerOf() {
    return { id: 1, name: 'anna', plan: 'free' as const }
  }
}

function lines(): { log: Log; told: [level: string, message: string, Fields][] } {
  const told: [string, string, Fields][] = []
  const on = (level: string) => (fields: Fields, message: string) => {
    told.push([level, message, fields])
  }
  return {
    log: { debug: on('debug'), info: on('info'), warn: on('warn'), error: on('error') },
    told,
  }
}

const claimOf = (fence: number): ListClaim => ({
  kind: 'list',
  fence,
  pool: 'list',
  slot: fence,
  ownerId: 1,
  sourceId: 7,
  untilMs: 9,
  roundId: 1,
  step: null,
})
const resultOf = (claim: ListClaim): Result => ({ type: 'released', claim, usedMs: 1 })

it('a line about a source has its title, as soon as that is known, and is asked for once', async () => {
  const registry = new OneSource()
  const { log, told } = lines()
  const named = new SourceTitles(registry).naming(log)
  for (let n = 0; n < 3; n++) {
    named.info({ source: 7, n }, 'something')
    named.info({ url: 'x' }, 'something else')
    await setImmediate()
  }
  expect(told[0]?.[2]).toEqual({ source: 7, n: 0 })
  expect(told[1]?.[2]).toEqual({ url: 'x' })
  expect(told[4]?.[2]).toEqual({ source: 7, n: 2, title: 'source nas of anna' })
  expect(registry.asked).toBe(1)
})

it('a title that could not be asked for is asked for again', async () => {
  const registry = new OneSource()
  const titles = new SourceTitles(registry)
  registry.isAway = true
  expect(titles.of(7)).toBeNull()
  await setImmediate()
  registry.isAway = false
  expect(titles.of(7)).toBeNull()
  await setImmediate()
  expect(titles.of(7)).toBe('source nas of anna')
  expect(await sourceTitle({ registry }, 8)).toBe('source 8')
})

it('a folder is called as its drive calls it', () => {
  expect(folderTitle('My%20Music/Bj%C3%B6rk%09')).toBe('My Music/Björk\t')
  expect(folderTitle('100%')).toBe('100%')
  expect(folderTitle('')).toBe('')
})

it('work that a person gave up is told of once a source, and one that came too late as a warning', () => {
  const { log, told } = lines()
  const events = new Events(log, { list: 9, read: 0 })
  const claims = [1, 2, 3, 4].map(claimOf)
  for (const claim of claims) events.claimed(claim)
  told.length = 0
  const [first, second, third, late] = claims as [ListClaim, ListClaim, ListClaim, ListClaim]
  events.ended(first, resultOf(first), false)
  events.ended(second, resultOf(second), false)
  expect(told.map(([level]) => level)).toEqual(['info', 'debug'])
  expect(told[0]?.[1]).toContain('given up')
  events.ended(third, resultOf(third), true)
  events.expired(late)
  told.length = 0
  events.ended(late, resultOf(late), false)
  expect(told).toMatchObject([['warn', 'a result came too late and was refused', {}]])
})

it('a name in a log neither moves the cursor of a terminal nor turns its text round', () => {
  const name = 'a\u001b[2Jb\u009bc\u202ed\u2066e'
  const line = harmlessLine(JSON.stringify({ name }))
  expect(line).toMatch(/^[\u0020-\u007e]*$/)
  expect(JSON.parse(line)).toEqual({ name })
})

it("a peer is called by its address: it is nobody else's", async () => {
  const registry = {
    source: async () => ({ ...entry, kind: 'peer', name: 'https://a.example/content' }),
    ownerOf: async () => ({ id: 1, name: 'https://a.example/content', plan: 'free' as const }),
  }
  expect(await sourceTitle({ registry }, 7)).toBe('peer https://a.example/content')
})
