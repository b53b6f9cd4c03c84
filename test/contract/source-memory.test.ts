import { describe, test } from 'vitest'
import { systemClock } from '../../src/base/clock.ts'
import { MemoryDrive, type MemoryDriveParts } from '../../src/drives/memory/memory-drive.ts'
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
    close: () => source.close(),
  }
}
