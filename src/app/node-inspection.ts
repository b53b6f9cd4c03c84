import { Inspection, type Damage, type Inspected } from '../content/inspection.ts'
import { peerKind } from '../content/peers/kinds.ts'
import { Repair } from '../content/repair.ts'
import type { ContentNode } from './content-node.ts'
import type { Core } from './core.ts'

/** A damage, and what became of it. */
export interface FoundDamage extends Damage {
  readonly isWell: boolean
  /** What was done, or is to be done. */
  readonly next: string
}

export interface InspectionOptions {
  readonly isRepairing: boolean
  readonly signal: AbortSignal
  readonly found: (damage: FoundDamage) => void
  readonly told: (inspected: Inspected) => void
}

/** Looks at all that a node holds, and mends what is damaged if that is wanted. */
export async function inspectNode(
  node: ContentNode,
  core: Core,
  { isRepairing, signal, found, told }: InspectionOptions,
): Promise<Inspected> {
  if (isRepairing) await openPeers(core)
  const repair = new Repair(node)
  const inspection = new Inspection(node, async (damage) => {
    const { isWell, text } = isRepairing
      ? await repair.mend(damage, signal)
      : { isWell: false, text: adviceOn(damage) }
    found({ ...damage, isWell, next: text })
  })
  await inspection.run(signal, told)
  return inspection.inspected
}

/** Content is fetched from peers that are open. */
async function openPeers({ registry, sources }: Core): Promise<void> {
  for (const { id, kind } of await registry.peers()) if (kind === peerKind) await sources.of(id)
}

function adviceOn({ what }: Damage): string {
  return what === 'signature'
    ? 'have it deployed anew, or bring back a backup of the database'
    : '--repair removes it and fetches it anew from the peers'
}
