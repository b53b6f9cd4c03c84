import { expect } from 'vitest'
import type { NodeReport } from '../../src/app/node-report.ts'
import { makeIdentity, signedProfile, type SignedEntity } from '../content/signer.ts'
import { formOfSigned } from '../http/content-node.ts'
import { Roundelay, type HowToRun, type Serving } from './roundelay.ts'

/** Content nodes as their operators have them: each with a data folder of its own. */
export class NodeHouse {
  readonly #nodes: Roundelay[] = []

  async node(): Promise<Roundelay> {
    const node = await Roundelay.create()
    this.#nodes.push(node)
    return node
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#nodes.map((node) => node[Symbol.asyncDispose]()))
  }
}

/** A server that others follow: the first of its network. */
export function serveFirst(node: Roundelay, how: HowToRun = {}): Promise<Serving> {
  return node.serve(['--content', '--first-node', '--rate-limit', 'off'], how)
}

export async function stop({ command }: Serving): Promise<void> {
  command.kill('SIGTERM')
  await command.ended
}

export async function deploy(url: string, entity: SignedEntity): Promise<void> {
  const answer = await fetch(`${url}/content/entities`, {
    method: 'POST',
    body: formOfSigned(entity),
  })
  expect(await answer.text()).toMatch(/^{"creationTimestamp":\d+}$/)
}

/** Of different people. */
export async function deployProfiles(url: string, count: number): Promise<void> {
  for (let seed = 0; seed < count; seed++) {
    const identity = makeIdentity(seed)
    await deploy(url, signedProfile({ identity, timestamp: Date.now() }))
  }
}

/** What `node status --json` prints. */
export async function report(node: Roundelay, how: HowToRun = {}): Promise<NodeReport> {
  return JSON.parse(await node.ask(['node', 'status', '--json'], how)) as NodeReport
}

/** Active entities. */
export function total({ active }: NodeReport): number {
  return Object.values(active).reduce((sum, count) => sum + count, 0)
}

/** Nobody listens there. */
export const deadPeer = 'http://127.0.0.1:9/content'
