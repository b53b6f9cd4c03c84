import { describe, expect, it, vi } from 'vitest'
import { makeIdentity, signedProfile, signedScene, type SignedEntity } from '../content/signer.ts'
import { ContentNode } from '../http/content-node.ts'
import { emptyMemory, NetworkServer } from './network-server.ts'

/**
 * What the network's own servers run (npm @dcl/snapshots-fetcher 9.2.2), against a live node of ours over HTTP. The names
 * are those of its own specs; what they demand of a follower, bad-peers.test.ts demands of ours.
 */
const day = 86_400_000

function profiles(node: ContentNode, from: number, to: number, agoMs: number): SignedEntity[] {
  return Array.from({ length: to - from }, (_, n) =>
    signedProfile({ identity: makeIdentity(from + n), timestamp: node.nowMs - agoMs + n }),
  )
}

function idsOf(signed: readonly SignedEntity[]): string[] {
  return signed.map(({ entityId }) => entityId).sort()
}

/** Until it has deployed all of these, and nothing else. */
async function has(server: NetworkServer, signed: readonly SignedEntity[]): Promise<void> {
  await vi.waitFor(() => expect([...server.deployed.keys()].sort()).toEqual(idsOf(signed)), {
    timeout: 30_000,
    interval: 20,
  })
}

function addressOf(node: ContentNode): string {
  return `${node.url.origin}${node.prefix}`
}

describe('a server of the network', () => {
  it('N26 bootstraps from snapshots, with their content, then follows pointer changes', async () => {
    await using node = await ContentNode.open()
    const old = [
      ...profiles(node, 0, 20, 3 * day),
      signedScene({ identity: makeIdentity(1), timestamp: node.nowMs - 2 * day }),
    ]
    await node.deploy(...old)
    node.nowMs += 2 * day
    await node.snapshots.writeNow()
    const memory = emptyMemory()
    await using server = await NetworkServer.follow([addressOf(node)], memory)
    await has(server, old)
    const [content = ''] = [...(old.at(-1)?.contents.keys() ?? [])]
    expect(await memory.storage.exist(content)).toBe(true)
    node.nowMs += 60_000
    const fresh = profiles(node, 30, 40, 0)
    await node.deploy(...fresh)
    await has(server, [...old, ...fresh])
  })

  it('N27 same-timestamp rows, and more of them than a page holds: it is told all', async () => {
    await using node = await ContentNode.open()
    await node.snapshots.writeNow()
    const many = profiles(node, 0, 1_100, 0)
    for (let at = 0; at < many.length; at += 250) await node.deploy(...many.slice(at, at + 250))
    await using server = await NetworkServer.follow([addressOf(node)])
    await has(server, many)
    expect(new Set(server.deployed.values()).size).toBe(5)
  })

  it('N28 shutdown in mid-bootstrap, processed-snapshot look-up: it goes on where it was, and reads nothing twice', async () => {
    await using node = await ContentNode.open()
    const old = profiles(node, 0, 60, 3 * day)
    await node.deploy(...old)
    node.nowMs += 2 * day
    await node.snapshots.writeNow()
    const memory = emptyMemory()
    const first = await NetworkServer.follow([addressOf(node)], memory)
    await vi.waitFor(() => expect(memory.deployed.size).toBeGreaterThan(3), { interval: 1 })
    await first.stop()
    await using second = await NetworkServer.follow([addressOf(node)], memory)
    await has(second, old)
    await second.stop()
    await using third = await NetworkServer.follow([addressOf(node)], memory)
    node.nowMs += 60_000
    const fresh = profiles(node, 100, 101, 0)
    await node.deploy(...fresh)
    await has(third, [...old, ...fresh])
    expect(third.taken).toEqual(new Set())
  })

  it('N29 server rotation: what one of two does not answer, it has of the other', async () => {
    await using node = await ContentNode.open()
    const old = profiles(node, 0, 20, 3 * day)
    await node.deploy(...old)
    node.nowMs += 2 * day
    await node.snapshots.writeNow()
    await using server = await NetworkServer.follow(['http://127.0.0.1:9/content', addressOf(node)])
    await has(server, old)
  })
})
