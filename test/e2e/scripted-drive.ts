import { createHash } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import {
  type DavNode,
  multistatus,
  type ScriptedServer,
  send207,
  startScripted,
} from '../servers/scripted.ts'

/** Answers a request and says true, or leaves it to the drive. */
export type Mischief = (request: IncomingMessage, response: ServerResponse) => boolean

/** A WebDAV server whose files are in memory, and which does whatever a test wants. Serves at `/`. */
export class ScriptedDrive {
  /** By their paths, without a slash at the beginning; percent-encoded, as they stand in a listing. */
  readonly files = new Map<string, Buffer>()
  /** What listings say of the size of a file, where it is not the truth. */
  readonly toldSizes = new Map<string, number>()
  mischief: Mischief = () => false
  readonly #server: ScriptedServer

  private constructor(server: ScriptedServer) {
    this.#server = server
  }

  static async start(files: Readonly<Record<string, Buffer>> = {}): Promise<ScriptedDrive> {
    const server: ScriptedServer = await startScripted((request, response) => {
      if (!drive.mischief(request, response)) drive.answer(request, response)
    })
    const drive = new ScriptedDrive(server)
    for (const [path, bytes] of Object.entries(files)) drive.files.set(path, bytes)
    return drive
  }

  get url(): string {
    return `${this.#server.url}/`
  }

  /** How often a method was asked for so far. */
  count(method: string): number {
    return this.#server.requests.filter((request) => request.method === method).length
  }

  /** What a listing of a folder says, `''` for the root: itself and what lies directly inside. */
  listing(folder: string): string {
    const beginning = folder === '' ? '' : `${folder}/`
    const nodes = new Map<string, DavNode>([[folder, { href: `/${beginning}` }]])
    for (const [path, bytes] of this.files) {
      if (!path.startsWith(beginning)) continue
      const [name = '', ...below] = path.slice(beginning.length).split('/')
      const href = `/${beginning}${name}`
      nodes.set(name, below.length > 0 ? { href: `${href}/` } : this.#fileNode(path, bytes))
    }
    return multistatus([...nodes.values()])
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.stop()
  }

  /** As a good server answers. */
  answer(request: IncomingMessage, response: ServerResponse): void {
    const path = pathOf(request)
    const bytes = this.files.get(path)
    if (request.method === 'PROPFIND') {
      const isFolder = bytes === undefined && this.#isFolder(path)
      if (bytes !== undefined) send207(response, multistatus([this.#fileNode(path, bytes)]))
      else if (!isFolder) response.writeHead(404).end()
      else if (request.headers['depth'] === '1') send207(response, this.listing(path))
      else send207(response, multistatus([{ href: path === '' ? '/' : `/${path}/` }]))
      return
    }
    if (bytes === undefined) response.writeHead(404).end()
    else sendRange(request, response, bytes)
  }

  #fileNode(path: string, bytes: Buffer): DavNode {
    const size = this.toldSizes.get(path) ?? bytes.length
    return { href: `/${path}`, size, etag: etagOf(bytes) }
  }

  #isFolder(path: string): boolean {
    return path === '' || [...this.files.keys()].some((file) => file.startsWith(`${path}/`))
  }
}

/** The path that a request is about, without slashes at its ends. */
export function pathOf(request: IncomingMessage): string {
  return (request.url ?? '').replace(/^\/|\/$/g, '')
}

export function etagOf(bytes: Buffer): string {
  return `"${createHash('sha256').update(bytes).digest('hex').slice(0, 16)}"`
}

/** The part of the bytes that is asked for. */
export function sendRange(
  { headers }: IncomingMessage,
  response: ServerResponse,
  bytes: Buffer,
): void {
  const etag = etagOf(bytes)
  const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(headers.range ?? '') ?? []
  if (first === undefined) {
    response.writeHead(200, { etag, 'content-length': bytes.length }).end(bytes)
    return
  }
  const end = Math.min(Number(last) + 1, bytes.length)
  const part = bytes.subarray(Number(first), end)
  const range = `bytes ${first}-${end - 1}/${bytes.length}`
  response.writeHead(206, { etag, 'content-range': range, 'content-length': part.length }).end(part)
}
