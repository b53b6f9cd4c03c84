/** How many requests a second a node answers, each of ten connections asking anew as soon as it has its answer. */
import autocannon, { type Request } from 'autocannon'
import { askJson } from './node.ts'

export type RateId = 'contents' | 'snapshots' | 'changes-500'

export interface Span {
  readonly rateSeconds: number
  readonly warmSeconds: number
}

const connections = 10

/** Requests a second, after a while in which they are not counted. Throws when one of them fails. */
export async function rate(
  base: string,
  requests: readonly Request[],
  { warmSeconds, rateSeconds }: Span,
): Promise<number> {
  const load = { url: base, connections, requests }
  await autocannon({ ...load, duration: warmSeconds })
  const {
    requests: answered,
    non2xx,
    errors,
  } = await autocannon({
    ...load,
    duration: rateSeconds,
  })
  if (non2xx + errors > 0) throw new Error(`${non2xx + errors} requests of ${base} failed.`)
  return answered.average
}

/** What is asked of any content node, ours or another; it is looked up there what it has. */
export const rateRequests: Readonly<Record<RateId, (base: string) => Promise<readonly Request[]>>> =
  {
    contents: async (base) => {
      const { deltas } = await changes(base, 'sortingOrder=DESC&limit=500')
      const prefix = new URL(base).pathname
      return deltas.map(({ entityId }) => ({ path: `${prefix}/contents/${entityId}` }))
    },
    snapshots: async (base) => [{ path: `${new URL(base).pathname}/snapshots` }],
    'changes-500': async (base) => {
      const [first] = (await changes(base, `${ascending}&limit=1`)).deltas
      // Behind it stands a whole page.
      const [last] = (await changes(base, 'sortingOrder=DESC&limit=1&offset=999')).deltas
      if (first === undefined) throw new Error(`${base} has no changes.`)
      const { localTimestamp: from } = first
      return [{ setupRequest: fromElsewhere(base, from, last?.localTimestamp ?? from) }]
    },
  }

/** Goes through the milliseconds, so that no two pages are asked for alike. */
function fromElsewhere(base: string, firstMs: number, lastMs: number): (one: Request) => Request {
  const prefix = new URL(base).pathname
  const span = Math.max(1, lastMs - firstMs)
  let asked = 0
  return (request) => {
    const from = firstMs + ((asked++ * stride) % span)
    return { ...request, path: `${prefix}/pointer-changes?${ascending}&from=${from}` }
  }
}

/** A prime: the times come in no order, and each once before any comes again. */
const stride = 7_919
/** As the network's servers ask each other. */
const ascending = 'sortingOrder=ASC&sortingField=local_timestamp'

interface Changes {
  readonly deltas: readonly { readonly entityId: string; readonly localTimestamp: number }[]
}

async function changes(base: string, query: string): Promise<Changes> {
  return (await askJson(base, `/pointer-changes?${query}`)) as Changes
}
