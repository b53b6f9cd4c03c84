import { rename } from 'node:fs/promises'
import { describe, test } from 'vitest'
import { FolderDrive } from '../../src/drives/folder/folder-drive.ts'
import { type SourceBench, sourceContract } from '../../src/engine/source-contract.ts'
import { diskBench } from '../servers/disk-bench.ts'
import { sharedDir } from '../servers/process.ts'

describe('a folder on this machine', () => {
  const open = async (): Promise<SourceBench> => {
    const root = await sharedDir('folder')
    const bench = diskBench(root, new FolderDrive({ path: root }))
    const isRoot = process.geteuid?.() === 0
    return {
      ...bench,
      forbid: async (folder) => {
        await bench.forbid?.(folder)
        // Nothing is closed to root.
        if (isRoot) process.seteuid?.(65_534)
      },
      switchOff: () => rename(root, `${root}-unmounted`),
      close: async () => {
        if (isRoot) process.seteuid?.(0)
        await rename(`${root}-unmounted`, root).catch(() => undefined)
        await bench.close()
      },
    }
  }
  for (const { name, run } of sourceContract({ open })) test(name, run)
})
