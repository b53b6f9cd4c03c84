import { readFileSync } from 'node:fs'
import { hashV1 as theirHash } from '@dcl/hashing'
import { SnapshotSyncDeployment } from '@dcl/schemas'
import { expect, test } from 'vitest'
import { SnapshotWorld, unsigned } from '../../../test/content/snapshot-world.ts'
import { canonicalChain } from '../auth-chain.ts'
import type { Deployment, DeploymentOffer } from '../entity.ts'
import { emptySnapshotHash, legacyLine, snapshotHeading } from './snapshot-format.ts'
import { snapshotLines } from './snapshot-reader.ts'
import { firstMs } from './time-range.ts'

/** Seven deployments of 2020-01-01, among them two pairs of the same millisecond: their bytes are the same for ever. */
const golden = readFileSync(new URL('../../../test/golden/snapshot.txt', import.meta.url))
const goldenHash = 'bafkreihvgr7lt766tbob4do2r225hfs3hvv6p5hyjp74imd6osbah3drga'

async function goldenOffers(): Promise<readonly DeploymentOffer[]> {
  async function* whole(): AsyncGenerator<Uint8Array> {
    yield golden
  }
  const offers: DeploymentOffer[] = []
  for await (const { lines } of snapshotLines(whole())) {
    offers.push(...lines.map(({ offer }) => offer))
  }
  return offers
}

function deploymentOf(offer: DeploymentOffer): Deployment {
  const { entityId, entityType: type, pointers, entityTimestamp: timestamp, authChain } = offer
  const authChainText = canonicalChain(authChain)
  const deployment = unsigned({ n: 0, timestamp, pointers, type })
  return { ...deployment, entityId, authChain: authChainText }
}

test('the snapshot with nothing in it has the hash that it has everywhere', async () => {
  expect(Buffer.byteLength(snapshotHeading)).toBe(31)
  expect(await theirHash(Buffer.from(snapshotHeading))).toBe(emptySnapshotHash)
})

test('the same deployments make the same bytes for ever, in whatever order they come', async () => {
  const deployments = (await goldenOffers()).map(deploymentOf)
  expect(await theirHash(golden)).toBe(goldenHash)
  for (const ordered of [deployments, deployments.toReversed()]) {
    await using world = await SnapshotWorld.open(firstMs + 86_400_000)
    for (const deployment of ordered) await world.deploy(deployment)
    const [day] = await world.run()
    expect(await world.textOf(day!.hash)).toBe(golden.toString())
    expect(day).toMatchObject({ hash: goldenHash, count: 7 })
  }
})

test('each line is what the network takes for one', () => {
  const lines = golden.toString().split('\n')
  expect([lines.shift(), lines.pop(), lines.length]).toEqual([snapshotHeading.trim(), '', 7])
  for (const line of lines) {
    const value: unknown = JSON.parse(line)
    expect(SnapshotSyncDeployment.validate(value)).toBe(true)
    expect(JSON.stringify(value)).toBe(line)
    expect(line).toMatch(
      /^\{"entityId":"[^"]*","entityType":"\w+","pointers":\[.*\],"authChain":\[.*\],"entityTimestamp":\d+\}$/,
    )
  }
})

test('a line of ADR-52’s own time has the local time, and the chain last', () => {
  expect(
    legacyLine({
      entityId: 'bafy',
      type: 'scene',
      pointers: ['0,0', '0,1'],
      authChain: '[{"payload":"0x"}]',
      timestamp: 5,
      localMs: 7,
    }),
  ).toBe(
    '{"entityId":"bafy","entityType":"scene","pointers":["0,0","0,1"],"localTimestamp":7,"authChain":[{"payload":"0x"}]}\n',
  )
})
