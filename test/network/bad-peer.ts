import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { hashV1 } from '../../src/content/hashing.ts'
import { canonicalChain } from '../../src/content/auth-chain.ts'
import type { SignedEntity } from '../content/signer.ts'
import { deploymentOf } from '../http/content-node.ts'

/** Answers a request; the path is without its query. */
export type Answering = (response: ServerResponse, query?: URLSearchParams) => void

/** A real web server that answers as a peer should, but for what it is told to do otherwise. */
export class BadPeer {
  /** Paths that were asked for. */
  readonly asked: string[] = []
  /** By path. */
  readonly answers = new Map<string, Answering>()
  #server: Server
  url = ''

  private constructor() {
    this.#server = createServer((request, response) => {
      const url = new URL(request.url ?? '', 'http://peer')
      const path = url.pathname.replace('/content', '')
      this.asked.push(path)
      const answer = this.answers.get(path)
      if (answer !== undefined) answer(response, url.searchParams)
      else if (path === '/snapshots') json([])(response)
      else if (path === '/pointer-changes') json({ deltas: [] })(response)
      else response.writeHead(404).end()
    })
  }

  static async open(): Promise<BadPeer> {
    const peer = new BadPeer()
    await new Promise<void>((resolve) => peer.#server.listen(0, '127.0.0.1', resolve))
    const { port } = peer.#server.address() as AddressInfo
    peer.url = `http://127.0.0.1:${port}/content`
    return peer
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  on(path: string, answer: Answering): this {
    this.answers.set(path, answer)
    return this
  }

  /** Has the files of these, and tells of them in its changes. */
  tells(...signed: readonly SignedEntity[]): this {
    for (const each of signed) this.has(each)
    const deltas = signed.map((each, n) => deltaOf(each, 1_000 + n))
    return this.on('/pointer-changes', (response, query) => {
      const from = Number(query?.get('from') ?? 0)
      json({ deltas: deltas.filter(({ localTimestamp }) => localTimestamp >= from) })(response)
    })
  }

  has({ entityId, file, contents }: SignedEntity): this {
    this.on(`/contents/${entityId}`, bytes(file))
    for (const [hash, content] of contents) this.on(`/contents/${hash}`, bytes(content))
    return this
  }

  /** Offers a snapshot file; gives its hash. */
  offers(file: Uint8Array, answer: Answering = bytes(file)): string {
    const hash = hashV1(file)
    this.on(`/contents/${hash}`, answer)
    this.on('/snapshots', json([snapshotOf(hash)]))
    return hash
  }
}

export function snapshotOf(hash: string): object {
  return {
    hash,
    timeRange: { initTimestamp: 1_577_836_800_000, endTimestamp: 1_795_219_200_000 },
    replacedSnapshotHashes: [],
    numberOfEntities: 1,
    generationTimestamp: 1_795_288_864_759,
  }
}

export function json(value: unknown, headers: Readonly<Record<string, string>> = {}): Answering {
  return (response) => {
    response
      .writeHead(200, { 'content-type': 'application/json', ...headers })
      .end(JSON.stringify(value))
  }
}

export function bytes(body: Uint8Array, headers: Readonly<Record<string, string>> = {}): Answering {
  return (response) => response.writeHead(200, headers).end(body)
}

export function offerOfSigned(signed: SignedEntity): object {
  const { entityId, type, pointers, timestamp } = deploymentOf(signed)
  const authChain: unknown = JSON.parse(canonicalChain(signed.authChain))
  return { entityId, entityType: type, pointers, authChain, entityTimestamp: timestamp }
}

export function deltaOf(
  signed: SignedEntity,
  localTimestamp: number,
): { readonly localTimestamp: number } {
  return { ...offerOfSigned(signed), localTimestamp }
}

export function snapshotFile(...lines: readonly string[]): Buffer {
  return Buffer.from(['### Decentraland json snapshot', ...lines, ''].join('\n'))
}

export function lineOf(signed: SignedEntity): string {
  return JSON.stringify(offerOfSigned(signed))
}
