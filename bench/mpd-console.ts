/** MPD's text protocol: a command is a line, its answer is lines `key: value` until one that says OK. */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

export interface MpdConsole {
  readonly ask: (command: string) => Promise<ReadonlyMap<string, string>>
  readonly close: () => void
}

const stepMs = 20
const startupMs = 10_000
/** MPD answers at once, whatever else it does. */
const answerMs = 30_000

/** Waits until MPD listens at `path`, a socket of the file system. */
export async function openConsole(path: string, isAlive: () => boolean): Promise<MpdConsole> {
  for (let waitedMs = 0; waitedMs < startupMs && isAlive(); waitedMs += stepMs) {
    const socket = connect(path)
    const isOpen = await once(socket, 'connect').then(
      () => true,
      () => false,
    )
    if (isOpen) return greeted(socket)
    await sleep(stepMs)
  }
  throw new Error('MPD does not answer.')
}

async function greeted(socket: Socket): Promise<MpdConsole> {
  await answerOf(socket)
  return {
    ask: (command) => {
      socket.write(`${command}\n`)
      return answerOf(socket)
    },
    close: () => socket.destroy(),
  }
}

async function answerOf(socket: Socket): Promise<ReadonlyMap<string, string>> {
  let text = ''
  while (!/^(OK|ACK).*\n$/mu.test(text)) {
    const [chunk] = (await once(socket, 'data', { signal: AbortSignal.timeout(answerMs) })) as [
      Buffer,
    ]
    text += chunk.toString()
  }
  if (/^ACK/mu.test(text)) throw new Error(`MPD refused: ${text.trim()}`)
  return new Map(
    text.split('\n').flatMap((line) => {
      const colon = line.indexOf(': ')
      return colon < 0 ? [] : [[line.slice(0, colon), line.slice(colon + 2)] as const]
    }),
  )
}
