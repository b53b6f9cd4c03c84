/** A content node as an operator starts it: the built command in a process of its own. */
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { signatureKind, type SignatureKind } from '../../src/content/signatures.ts'
import { startServing, type Serving } from '../serving.ts'

const command = fileURLToPath(new URL('../../bin/roundelay.cjs', import.meta.url))
const built = new URL('../../dist/command/main.js', import.meta.url)

/** Why no node can be measured, or null. */
export function missingNode(kind: SignatureKind = signatureKind): string | null {
  if (!existsSync(built)) return 'not built yet: npm run build'
  return kind === 'native' ? null : 'signatures are not checked natively here: npm ci builds that'
}

export interface Folder extends AsyncDisposable {
  readonly path: string
}

/** An empty data folder, which goes with its content. */
export async function openFolder(): Promise<Folder> {
  const path = await mkdtemp(join(tmpdir(), 'bench-content-'))
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) }
}

export interface NodeOptions {
  /** Bases of the nodes that it keeps up with; none: it is the first of its network. */
  readonly peers?: readonly string[]
  /** How often these are asked, as the command takes it; its own preset unless told otherwise. */
  readonly pollEvery?: string
}

export interface Node extends AsyncDisposable {
  /** Without a slash at its end: what a peer is told. */
  readonly base: string
  readonly usage: Serving['usage']
}

/** `serve --content` on a free port, without the network's limits on how often somebody may deploy. */
export async function startNode(
  folder: string,
  { peers = [], pollEvery }: NodeOptions = {},
): Promise<Node> {
  const serving = await startServing(command, folder, {
    ROUNDELAY_CONTENT: '1',
    ROUNDELAY_RATE_LIMIT: 'off',
    ...(pollEvery === undefined ? {} : { ROUNDELAY_POLL_EVERY: pollEvery }),
    ...(peers.length === 0 ? { ROUNDELAY_FIRST_NODE: '1' } : { ROUNDELAY_PEERS: peers.join(',') }),
  })
  return {
    base: new URL('content', serving.url).href,
    usage: serving.usage,
    [Symbol.asyncDispose]: () => serving[Symbol.asyncDispose](),
  }
}

/** JSON of a node. Throws when it is answered with anything but success. */
export async function askJson(base: string, path: string, body?: unknown): Promise<unknown> {
  const options =
    body === undefined
      ? {}
      : {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify(body),
        }
  const answer = await fetch(base + path, options)
  if (!answer.ok) throw new Error(`${path} was answered with ${answer.status}.`)
  return answer.json()
}

/** How many deployments a node of our own kind has taken, dead ones too: the number of the last one. */
export async function deployedCount(base: string): Promise<number> {
  const { deltas } = (await askJson(base, '/pointer-changes?limit=1')) as {
    readonly deltas: readonly { readonly deploymentId: number }[]
  }
  return deltas[0]?.deploymentId ?? 0
}

/** Whether it says of itself that it has caught up with its peers. */
export async function isCaughtUp(base: string): Promise<boolean> {
  const { synchronizationStatus: status } = (await askJson(base, '/status')) as {
    readonly synchronizationStatus: { readonly synchronizationState: string }
  }
  return status.synchronizationState === 'Syncing'
}

/** Asks again and again until the answer is yes; how long that took, in milliseconds. A node that is not there yet is no. */
export async function until(
  what: string,
  isSo: () => Promise<boolean>,
  { everyMs = 20, longestMs = 1_800_000 }: { everyMs?: number; longestMs?: number } = {},
): Promise<number> {
  const start = performance.now()
  for (;;) {
    if (await isSo()) return performance.now() - start
    if (performance.now() - start > longestMs) throw new Error(`${what} took too long.`)
    await sleep(everyMs)
  }
}

/** Until its first snapshots are there for others. */
export function snapshotsReady(base: string): Promise<number> {
  return until('Writing snapshots', async () => {
    const answer = await fetch(`${base}/snapshots`)
    await answer.arrayBuffer()
    return answer.ok
  })
}

/** So many entities are in the snapshots that it offers: all that it has taken up is done with. */
export function snapshotsHold(base: string, count: number): Promise<number> {
  return until('Writing snapshots', async () => {
    const answer = await fetch(`${base}/snapshots`)
    if (!answer.ok) return false
    const offered = (await answer.json()) as readonly { readonly numberOfEntities: number }[]
    return offered.reduce((sum, { numberOfEntities }) => sum + numberOfEntities, 0) >= count
  })
}

/** Throws unless each of these people's pointers is active there: what left half of them out would be too fast. */
export async function checkActive(base: string, ids: readonly string[]): Promise<void> {
  let found = 0
  for (let start = 0; start < ids.length; start += idsAtOnce) {
    const asked = ids.slice(start, start + idsAtOnce)
    found += ((await askJson(base, '/entities/active', { ids: asked })) as unknown[]).length
  }
  if (found !== ids.length) throw new Error(`${found} of ${ids.length} entities are active.`)
}

const idsAtOnce = 1_000
