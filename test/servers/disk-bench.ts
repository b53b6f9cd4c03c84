import { chmod, mkdir, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { SourceBench } from '../../src/engine/source-contract.ts'
import type { Source } from '../../src/engine/source.ts'

/** A bench for a source that serves a folder of this machine. What it forbids holds for everybody but root. */
export function diskBench(root: string, source: Source): SourceBench {
  return {
    source,
    put: async (path, bytes) => {
      const file = join(root, path)
      await mkdir(dirname(file), { recursive: true })
      await writeFile(file, bytes)
    },
    remove: (path) => rm(join(root, path)),
    forbid: (folder) => chmod(join(root, folder), 0),
    close: async () => {
      await source.close()
      await rm(root, { recursive: true })
    },
  }
}
