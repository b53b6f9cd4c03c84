import { randomUUID } from 'node:crypto'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { inWords } from '../base/duration.ts'
import { asSyncError, SyncError } from '../base/errors.ts'
import { addressPolicy } from '../base/remote/address-policy.ts'
import { parseEndpoint } from '../base/remote/endpoint.ts'
import { RemoteHost } from '../base/remote/remote-host.ts'
import { peerKind } from '../content/peers/kinds.ts'
import { PeerClient } from '../content/peers/peer-client.ts'
import type { PeerAddress } from '../content/peers/peer-list.ts'
import { parsePeers } from '../content/peers/peer-list-static.ts'
import { signatureKind } from '../content/signatures.ts'
import { folderTrouble } from './content-mark.ts'
import { contentFolder, policyFor } from './content-peers.ts'
import type { Core } from './core.ts'
import type { Finding } from './examination.ts'

/** A clock that differs by more milliseconds than this from a peer's: deployments are refused, changes are read late. */
const maxSkewMs = 60_000
/** Peers that are asked, and how many of them at the same time. */
const maxAsked = 200
const maxAtOnce = 8

/** What the doctor looks at where there is a content node. */
export async function examineContent(core: Core): Promise<readonly Finding[]> {
  return [examineSignatures(), await examineFolder(core), ...(await examinePeers(core))]
}

function examineSignatures(): Finding {
  if (signatureKind === 'native') return { verdict: 'ok', text: 'signatures are checked natively' }
  const text =
    'signatures are checked in JavaScript, some thirty times slower: the package secp256k1 has no native build for this machine (npm rebuild secp256k1 makes one where there is a compiler)'
  return { verdict: 'note', text }
}

async function examineFolder({ config, content }: Core): Promise<Finding> {
  const folder = contentFolder(config.dataFolder)
  const path = join(folder, 'aside', randomUUID())
  try {
    await mkdir(join(folder, 'aside'), { recursive: true })
    await writeFile(path, 'written by the doctor')
    await rm(path)
    const trouble = content === null ? null : await folderTrouble({ store: content.store, folder })
    if (trouble !== null) return { verdict: 'trouble', text: trouble }
    return { verdict: 'ok', text: `content folder: ${folder}` }
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    const text = `nothing can be written to the content folder ${folder} (${why}): deployments with files fail`
    return { verdict: 'trouble', text }
  }
}

async function examinePeers(core: Core): Promise<readonly Finding[]> {
  const peers = await peersOf(core)
  if (peers.length === 0) {
    const text = 'this node has no peers yet: --peers, --peers-url or --peers-dao name some'
    return [{ verdict: 'note', text }]
  }
  const findings: Finding[] = []
  const waiting = peers.slice(0, maxAsked).values()
  const ask = async (): Promise<void> => {
    for (const peer of waiting) findings.push(await examinePeer(core, peer))
  }
  await Promise.all(Array.from({ length: maxAtOnce }, ask))
  return findings.toSorted((one, other) => (one.text < other.text ? -1 : 1))
}

/** Those that are followed, and those of the command line, which nobody may follow yet. */
async function peersOf({ registry, config }: Core): Promise<readonly PeerAddress[]> {
  const followed = (await registry.peers()).filter(({ kind }) => kind === peerKind)
  const typed = config.content?.peers ?? []
  const all = [
    ...followed.map(({ address: url, settings }) => ({
      url,
      isOperators: settings.isOperators === true,
    })),
    ...(typed.length === 0 ? [] : parsePeers(typed.join(','))),
  ]
  return [...new Map(all.map((peer) => [peer.url, peer])).values()]
}

async function examinePeer(core: Core, { url, isOperators }: PeerAddress): Promise<Finding> {
  const { clock, config, policy } = core
  const endpoint = parseEndpoint(url)
  const allowed = policyFor(endpoint, isOperators, addressPolicy(config.allowHosts))
  const client = new PeerClient(new RemoteHost({ endpoint, policy: allowed, clock }))
  const controller = new AbortController()
  const late = new SyncError('timeout', `${url} did not answer in time.`)
  const cancel = clock.after(policy.checkMs, () => controller.abort(late))
  try {
    const theirsMs = await client.clock(controller.signal)
    const skewMs = theirsMs === null ? 0 : theirsMs - clock.now()
    if (Math.abs(skewMs) <= maxSkewMs) return { verdict: 'ok', text: `peer ${url} answers` }
    const side = skewMs > 0 ? 'ahead of' : 'behind'
    const text = `peer ${url} answers, but its clock is ${inWords(Math.abs(skewMs))} ${side} ours: let a time server set both (NTP)`
    return { verdict: 'trouble', text }
  } catch (error) {
    const { message, hint } = asSyncError(controller.signal.aborted ? late : error)
    return { verdict: 'trouble', text: `peer ${url}: ${message} ${hint}` }
  } finally {
    cancel()
    await client.close()
  }
}
