import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Clock } from '../../base/clock.ts'

export type Listener = (request: IncomingMessage, response: ServerResponse) => void

/** Gives a server's requests to whom they are for; `others` is who got them all before. */
export function share(
  server: Server,
  chosen: (request: IncomingMessage, others: Listener) => Listener,
): void {
  // The server was made by the framework, and so were its listeners.
  const before = server.listeners('request') as Listener[]
  const others: Listener = (request, response) => {
    for (const listener of before) listener(request, response)
  }
  server.removeAllListeners('request')
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    chosen(request, others)(request, response)
  })
}

/** Cuts off whoever is still sending a body after so many milliseconds. */
export function hurry(ms: number, clock: Clock, listener: Listener): Listener {
  return (request, response) => {
    const cancel = clock.after(ms, () => {
      if (!request.readableEnded) request.destroy()
    })
    response.once('close', cancel)
    listener(request, response)
  }
}

/** Whether there may be a body that takes its time to come. */
export function hasBody({ method }: IncomingMessage): boolean {
  return method !== 'GET' && method !== 'HEAD'
}

export function isForm({ headers }: IncomingMessage): boolean {
  return headers['content-type']?.startsWith('multipart/') === true
}

/** Whether an address is the path or below it. */
export function isBelow(path: string, url: string): boolean {
  return url.startsWith(path) && ends.has(url[path.length])
}

/** `a` of `/a/b?c`. */
export function firstPart(url: string): string {
  return /^\/([^/?]*)/.exec(url)?.[1] ?? ''
}

/** What may stand behind a path that is whole. */
const ends: ReadonlySet<string | undefined> = new Set([undefined, '/', '?'])
