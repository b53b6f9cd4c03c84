import { describe, test } from 'vitest'
import { systemClock } from '../../src/base/clock.ts'
import { keyOf, MemoryDrive, type MemoryDriveParts } from '../../src/drives/memory/memory-drive.ts'
import { type SourceBench, sourceContract } from '../../src/engine/source-contract.ts'

const shapes: readonly MemoryDriveParts[] = [
  { clock: systemClock, shape: 'tree' },
  { clock: systemClock, shape: 'feed' },
  { clock: systemClock, shape: 'feed', pageSize: 3, batchSize: 2 },
]

describe.each(shapes)('a drive in memory as a $shape, pages of $pageSize', (parts) => {
  for (const { name, run } of sourceContract({ open: async () => bench(parts) })) test(name, run)
})

function bench(parts: MemoryDriveParts): SourceBench {
  const source = new MemoryDrive(parts)
  return {
    source,
    put: async (path, bytes) => void source.put(path, bytes),
    remove: async (path) => source.remove(path),
    ...(parts.shape === 'tree' ? { forbid: async (folder) => forbid(source, folder) } : {}),
    cut: async () => void source.inject({ on: 'list', does: 'cut', after: 100 }),
    switchOff: async () => void source.inject({ on: 'any', does: 'fail', code: 'unreachable' }),
    close: () => source.close(),
  }
}

/** Of the folder that the contract closes, and of the one file in it. */
function forbid(source: MemoryDrive, folder: string): void {
  for (const at of [folder, `${folder}/hidden.mp3`]) {
    source.inject({ on: 'any', at: keyOf(at), does: 'fail', code: 'file-forbidden' })
  }
}
