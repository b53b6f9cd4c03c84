import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type ServerResponse,
} from 'node:http'

/** A web server that answers as the test says. */
export interface ScriptedServer {
  /** Without a slash at the end. */
  readonly url: string
  /** Every request so far. */
  readonly requests: readonly IncomingMessage[]
  /** Connections so far, of those that asked nothing as well. */
  readonly connections: () => number
  stop(): Promise<void>
}

export async function startScripted(answer: RequestListener): Promise<ScriptedServer> {
  const requests: IncomingMessage[] = []
  const server = createServer((request, response) => {
    requests.push(request)
    request.resume()
    answer(request, response)
  })
  let connections = 0
  server.on('connection', () => connections++)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return {
    url: `http://127.0.0.1:${address.port}`,
    requests,
    connections: () => connections,
    stop: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** One `<response>` of a multistatus. Without a size it is a folder. */
export interface DavNode {
  readonly href: string
  readonly size?: number
  readonly etag?: string
  readonly modified?: string
  /** More properties, as XML with the prefix `oc:` for those of ownCloud. */
  readonly extra?: string
  /** What the server answers instead of all that: for the resource itself, or for each of its properties. */
  readonly status?: number
  readonly propertyStatus?: number
}

export function multistatus(nodes: readonly DavNode[]): string {
  const responses = nodes.map((node) => {
    const { href, size, etag, modified, extra = '', status, propertyStatus = 200 } = node
    if (status !== undefined) {
      const line = `<d:status>HTTP/1.1 ${status} So</d:status>`
      return `<d:response><d:href>${href}</d:href>${line}</d:response>`
    }
    const type = size === undefined ? '<d:collection/>' : ''
    const length = size === undefined ? '' : `<d:getcontentlength>${size}</d:getcontentlength>`
    const tag = etag === undefined ? '' : `<d:getetag>${etag}</d:getetag>`
    const date = modified === undefined ? '' : `<d:getlastmodified>${modified}</d:getlastmodified>`
    const props = `<d:resourcetype>${type}</d:resourcetype>${length}${tag}${date}${extra}`
    return (
      `<d:response><d:href>${href}</d:href><d:propstat><d:prop>${props}</d:prop>` +
      `<d:status>HTTP/1.1 ${propertyStatus} So</d:status></d:propstat></d:response>`
    )
  })
  return (
    '<?xml version="1.0"?><d:multistatus xmlns:d="DAV:" xmlns:oc="http://owncloud.org/ns">' +
    `${responses.join('')}</d:multistatus>`
  )
}

export function send207(response: ServerResponse, body: string): void {
  response.writeHead(207, { 'content-type': 'application/xml' }).end(body)
}
