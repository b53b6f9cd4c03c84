import { mkdir } from 'node:fs/promises'
import { expect, test, vi } from 'vitest'
import { openDatabaseFile } from '../../src/app/database-file.ts'
import { systemClock } from '../../src/base/clock.ts'
import { SqlContentStore } from '../../src/store/sql/content/content-store.ts'
import { makeIdentity, signedProfile, type SignedEntity } from '../content/signer.ts'
import { Roundelay, type Serving } from '../e2e/roundelay.ts'
import { deploymentOf, formOfSigned } from '../http/content-node.ts'

/** Enough for a bootstrap to be killed in its middle. */
const entities = 3_000
const day = 86_400_000

/** What somebody has deployed over the last month, in a data folder of its own. */
async function fill(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true })
  const database = await openDatabaseFile(folder, systemClock)
  const store = new SqlContentStore({ db: database.sql })
  for (let at = 0; at < entities; at += 250) {
    const some = Array.from({ length: 250 }, (_, n) => profile(at + n))
    const deployments = some.map(deploymentOf)
    await store.deploy({ deployments, blobs: [], failures: [], parts: [] })
  }
  await database.close()
}

function profile(n: number): SignedEntity {
  const timestamp = Date.now() - 2 * day - ((n * 7_919_000) % (28 * day))
  return signedProfile({ identity: makeIdentity(n), timestamp })
}

interface Listed {
  readonly hash: string
  readonly timeRange: object
  readonly numberOfEntities: number
}

async function snapshotsOf({ url }: Serving): Promise<readonly Listed[]> {
  const answer = await fetch(`${url}/content/snapshots`)
  return answer.ok ? ((await answer.json()) as Listed[]) : []
}

async function newestMs({ url }: Serving): Promise<number> {
  const answer = await fetch(`${url}/content/freshest/news?since=0&wait=0`)
  return ((await answer.json()) as { newest: number }).newest
}

async function stateOf({ url }: Serving): Promise<string> {
  const answer = await fetch(`${url}/content/status`)
  const status = (await answer.json()) as {
    synchronizationStatus: { synchronizationState: string }
  }
  return status.synchronizationStatus.synchronizationState
}

async function isActive({ url }: Serving, entityId: string): Promise<boolean> {
  const answer = await fetch(`${url}/content/entities/active`, {
    method: 'POST',
    body: JSON.stringify({ ids: [entityId] }),
    headers: { 'content-type': 'application/json' },
  })
  return ((await answer.json()) as unknown[]).length === 1
}

function following(...others: readonly Serving[]): string[] {
  const peers = others.map(({ url }) => `${url}/content`).join(',')
  return ['--content', '--peers', peers, '--snapshots-every', '10s', '--poll-every', '1s']
}

test(
  'N30 of three processes one is killed in mid-bootstrap and started again: all end equal',
  { timeout: 120_000 },
  async () => {
    await using one = await Roundelay.create()
    await using two = await Roundelay.create()
    await using three = await Roundelay.create()
    await fill(one.data)
    const first = await one.serve(['--content', '--first-node', '--snapshots-every', '10s'])
    await vi.waitFor(async () => expect(await snapshotsOf(first)).not.toEqual([]), waiting)
    const doomed = await two.serve(following(first))
    // It has some, and not all.
    await vi.waitFor(async () => expect(await newestMs(doomed)).toBeGreaterThan(0), {
      timeout: 30_000,
      interval: 5,
    })
    expect(await stateOf(doomed)).toBe('Bootstrapping')
    doomed.command.kill('SIGKILL')
    await doomed.command.ended
    const second = await two.serve(following(first))
    const third = await three.serve(following(first, second))
    const all = [first, second, third]
    await vi.waitFor(async () => {
      for (const node of all) expect(await stateOf(node)).toBe('Syncing')
    }, waiting)
    const late = signedProfile({ identity: makeIdentity(-7), timestamp: Date.now() })
    const posted = await fetch(`${first.url}/content/entities`, {
      method: 'POST',
      body: formOfSigned(late),
    })
    expect(await posted.text()).toMatch(/creationTimestamp/)
    await vi.waitFor(async () => {
      for (const node of all) expect(await isActive(node, late.entityId)).toBe(true)
    }, waiting)
    await vi.waitFor(async () => {
      const [mine, ...others] = await Promise.all(all.map(snapshotsOf))
      const entitiesIn = (mine ?? []).reduce((sum, each) => sum + each.numberOfEntities, 0)
      expect(entitiesIn).toBe(entities)
      for (const other of others) expect(other.map(bare)).toEqual((mine ?? []).map(bare))
    }, waiting)
  },
)

const waiting = { timeout: 60_000, interval: 100 }

function bare({ hash, timeRange, numberOfEntities }: Listed): object {
  return { hash, timeRange, numberOfEntities }
}
