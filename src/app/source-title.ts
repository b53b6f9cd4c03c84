import type { Core } from './core.ts'

/** How a person calls a source of which only the number is known. */
export async function sourceTitle({ registry }: Core, sourceId: number): Promise<string> {
  const entry = await registry.source(sourceId)
  const owner = entry === null ? null : await registry.ownerStatus(entry.ownerId)
  return entry === null || owner === null
    ? `source ${sourceId}`
    : `source ${entry.name} of ${owner.name}`
}
