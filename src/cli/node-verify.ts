import { Command } from 'commander'
import type { FoundDamage } from '../app/node-inspection.ts'
import type { Inspected } from '../content/inspection.ts'
import type { Setting } from './setting.ts'
import { printable } from './terminal.ts'
import { withNode } from './with-node.ts'

/** Damages that are kept for the JSON object; more are counted. */
const maxTold = 1_000

/** `roundelay node verify` */
export function verifyCommand(setting: Setting): Command {
  const { terminal } = setting
  return new Command('verify')
    .description(
      'hashes all content anew, and checks the signatures of all active entities; ends with 1 where something is damaged',
    )
    .option('--repair', 'removes content that is damaged, and fetches it anew from the peers')
    .option('--json', 'print one JSON object')
    .action(async (flags: { repair?: boolean; json?: boolean }) => {
      const { inspectNode } = await import('../app/node-inspection.ts')
      const damages = new Damages((line) => {
        if (flags.json !== true) terminal.say(line)
      })
      const signal = stopSignal()
      const inspected = await withNode(setting, (node, core) =>
        inspectNode(node, core, {
          isRepairing: flags.repair === true,
          signal,
          found: (damage) => damages.add(damage),
          told: (soFar) => terminal.show(lookedAt(soFar)),
        }),
      )
      const { count, left, told } = damages
      if (left > 0) process.exitCode = 1
      const result = { ...inspected, damaged: count, left, damages: told }
      terminal.say(flags.json === true ? JSON.stringify(result) : resultText(inspected, damages))
    })
}

class Damages {
  readonly told: FoundDamage[] = []
  count = 0
  /** Those that are still there. */
  left = 0
  readonly #say: (line: string) => void

  constructor(say: (line: string) => void) {
    this.#say = say
  }

  add(damage: FoundDamage): void {
    this.count++
    if (!damage.isWell) this.left++
    if (this.told.length < maxTold) this.told.push(damage)
    this.#say(printable(lineOf(damage)))
  }
}

const names = { content: 'content', file: 'entity file', signature: 'entity' } as const

function lineOf({ what, hash, state, reason, next }: FoundDamage): string {
  return `${names[what]} ${hash} is ${state}${reason === '' ? '' : ` (${reason})`}: ${next}`
}

function lookedAt({ blobs, entities }: Inspected): string {
  return `${blobs} files and rows, ${entities} active entities`
}

function resultText(inspected: Inspected, { count, left }: Damages): string {
  const { unasked } = inspected
  const wallets =
    unasked === 0
      ? ''
      : ` ${unasked} of them are signed by contract wallets that were not asked (--rpc-url-file).`
  const damage = count === 0 ? 'all is well' : `${count} damaged, ${left} of them still`
  return `${lookedAt(inspected)}: ${damage}.${wallets}`
}

/** Ctrl-C ends it; nothing is half done. */
function stopSignal(): AbortSignal {
  const controller = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => controller.abort())
  }
  return controller.signal
}
