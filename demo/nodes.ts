import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { readConfig, type Given } from '../src/app/config.ts'
import { startService, type Service } from '../src/app/service.ts'
import type { Screen } from './screen.ts'
import { signedProfile } from './signed-profile.ts'

const names = ['Anna', 'Bob', 'Charlie'] as const
/** How often it is looked, and for how long, in milliseconds. */
const lookMs = 10
const patienceMs = 20_000

/** Two content nodes: what is deployed on the first arrives on the second. */
export class TwoNodes {
  readonly #screen: Screen
  readonly #folder: string
  readonly #services: Service[] = []

  constructor(screen: Screen, folder: string) {
    this.#screen = screen
    this.#folder = folder
  }

  async run(signal: AbortSignal): Promise<void> {
    this.#screen.say()
    this.#screen.say(
      'And two content nodes, the second of which keeps up with the first. Anna, Bob and',
    )
    this.#screen.say('Charlie sign their profiles and deploy them on the first:')
    const first = await this.#start('first', { firstNode: 'on' })
    await until(async () => (await fetch(`${first}/snapshots`, { signal })).ok, signal)
    const second = await this.#start('second', { peers: first })
    await until(async () => (await stateOf(second, signal)) === 'Syncing', signal)
    for (const name of names) await this.#deploy(name, { first, second }, signal)
    this.#screen.say('The second node has checked every hash and signature for itself.')
  }

  async end(): Promise<void> {
    for (const service of this.#services.toReversed()) await service.stop()
  }

  /** Gives what the paths of the node begin with. */
  async #start(name: string, more: Given): Promise<string> {
    const data = join(this.#folder, `${name}-node`)
    const given = { data, port: '0', logLevel: 'silent', content: 'on', ...more }
    const service = await startService(readConfig(given, {}))
    this.#services.push(service)
    return `${service.url}content`
  }

  async #deploy(
    name: string,
    { first, second }: { readonly first: string; readonly second: string },
    signal: AbortSignal,
  ): Promise<void> {
    const { form, pointer, entityId } = signedProfile(name)
    const answer = await fetch(`${first}/entities`, { method: 'POST', body: form, signal })
    if (!answer.ok) throw new Error(`${name} could not deploy: ${await answer.text()}`)
    const startedMs = performance.now()
    await until(async () => (await activeAt(second, pointer, signal)) === entityId, signal)
    const tookMs = Math.round(performance.now() - startedMs)
    this.#screen.say(
      `  ${name.padEnd(8)} ${entityId.slice(0, 16)}…  on the second node ${tookMs} ms later`,
    )
  }
}

async function stateOf(node: string, signal: AbortSignal): Promise<string> {
  const answer = await fetch(`${node}/status`, { signal })
  const { synchronizationStatus: status } = (await answer.json()) as {
    readonly synchronizationStatus: { readonly synchronizationState: string }
  }
  return status.synchronizationState
}

/** The id of the entity that a pointer has; null: none. */
async function activeAt(
  node: string,
  pointer: string,
  signal: AbortSignal,
): Promise<string | null> {
  const answer = await fetch(`${node}/entities/active`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ pointers: [pointer] }),
    signal,
  })
  const [entity] = (await answer.json()) as readonly { readonly id: string }[]
  return entity?.id ?? null
}

async function until(isSo: () => Promise<boolean>, signal: AbortSignal): Promise<void> {
  const endMs = performance.now() + patienceMs
  while (!(await isSo())) {
    if (performance.now() > endMs) throw new Error('The nodes were not ready in time.')
    await sleep(lookMs, undefined, { signal })
  }
}
