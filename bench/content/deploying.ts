/** Clients deploy: entities signed beforehand, as forms, so many in flight. */
import { Pool } from 'undici'
import type { SignedEntity } from '../../test/content/signer.ts'

export interface Form {
  readonly type: string
  readonly body: Buffer
}

/** As clients of the network write it. */
export async function formOf({ entityId, file, authChain, contents }: SignedEntity): Promise<Form> {
  const form = new FormData()
  form.set('entityId', entityId)
  for (const [at, link] of authChain.entries()) {
    const { type, payload, signature } = link
    form.set(`authChain[${at}][type]`, type)
    form.set(`authChain[${at}][payload]`, payload)
    form.set(`authChain[${at}][signature]`, signature ?? '')
  }
  for (const [hash, bytes] of [[entityId, file] as const, ...contents]) {
    form.set(hash, new Blob([Buffer.from(bytes)]), hash)
  }
  const whole = new Response(form)
  return {
    type: whole.headers.get('content-type') ?? '',
    body: Buffer.from(await whole.arrayBuffer()),
  }
}

/** Somebody who deploys over connections of his own. */
export class Deployments implements AsyncDisposable {
  readonly #pool: Pool
  readonly #path: string
  readonly #inFlight: number

  constructor(base: string, inFlight: number) {
    const { origin, pathname } = new URL(base)
    this.#pool = new Pool(origin, { connections: inFlight })
    this.#path = `${pathname}/entities`
    this.#inFlight = inFlight
  }

  /** All of them, the next one as soon as one is answered; how many a second. Throws when one is refused. */
  async all(forms: readonly Form[]): Promise<number> {
    const waiting = forms.values()
    const start = performance.now()
    const deployer = async (): Promise<void> => {
      for (const form of waiting) await this.one(form)
    }
    await Promise.all(Array.from({ length: this.#inFlight }, deployer))
    return (1_000 * forms.length) / (performance.now() - start)
  }

  async one({ type, body }: Form): Promise<void> {
    const { statusCode, body: answer } = await this.#pool.request({
      method: 'POST',
      path: this.#path,
      headers: { 'content-type': type },
      body,
    })
    const text = await answer.text()
    if (statusCode !== 200) throw new Error(`A deployment was answered with ${statusCode}: ${text}`)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#pool.close()
  }
}
