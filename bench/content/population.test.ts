import { afterAll, beforeAll, expect, test } from 'vitest'
import { isContentHash } from '../../src/content/hashing.ts'
import { verifyJob } from '../../src/content/verify-job.ts'
import { rules } from '../../src/content/rules/rules.ts'
import { ruleSettings } from '../../src/content/rules/settings.ts'
import { startOldServer } from './old-server.ts'
import type { Page } from './old-way.ts'
import { feed } from './feed.ts'
import { type Folder, openFolder } from './node.ts'
import { deploymentOf, deploymentsOf, past, signedPeople, unsignedPeople } from './population.ts'

const nowMs = 1_795_288_697_295
let folder: Folder

beforeAll(async () => {
  folder = await openFolder()
})

afterAll(() => folder[Symbol.asyncDispose]())

test('people are signed for so that a node takes them, and as it would store them', () => {
  const [signed] = signedPeople(past(1, nowMs))
  if (signed === undefined) throw new Error('There is nobody.')
  const verdict = verifyJob(signed, rules(ruleSettings))
  expect(verdict).toMatchObject({ isGood: true, lateErrors: [] })
  if (verdict.isGood) expect(deploymentOf(signed)).toEqual(verdict.deployment)
  expect(signed.file.length).toBeGreaterThan(770)
  expect(signed.file.length).toBeLessThan(810)
})

test('those whom nobody has signed for have ids and pointers of their own', () => {
  const people = [...unsignedPeople(past(500, nowMs))]
  expect(new Set(people.map(({ entityId }) => entityId)).size).toBe(500)
  expect(new Set(people.map(({ pointers }) => pointers[0])).size).toBe(500)
  for (const { entityId, authChain } of people) {
    expect(isContentHash(entityId)).toBe(true)
    expect(authChain).toContain(entityId)
  }
})

test('all of them are of days that snapshots hold', () => {
  const times = [...deploymentsOf(past(20, nowMs, 2))].map(({ timestamp }) => timestamp)
  expect(times).toHaveLength(40)
  expect(times).toEqual(times.toSorted((a, b) => a - b))
  expect(Math.max(...times)).toBeLessThanOrEqual(nowMs - 2 * 86_400_000)
})

test('the old way is told all of history, page by page, the dead among it', async () => {
  expect(await feed(folder.path, deploymentsOf(past(60, nowMs, 10)))).toBe(600)
  const port = await startOldServer(folder.path)
  const seen: string[] = []
  let pages = 0
  for (let next: string | undefined = ''; next !== undefined; pages++) {
    const answer = await fetch(`http://127.0.0.1:${port}/deployments${next}`)
    // As the old server writes it.
    const page = (await answer.json()) as Page
    seen.push(...page.deployments.map(({ entityId }) => entityId))
    next = page.pagination.next
  }
  expect(new Set(seen).size).toBe(600)
  expect([seen.length, pages]).toEqual([600, 2])
})
