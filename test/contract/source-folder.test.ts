import { describe, test } from 'vitest'
import { FolderDrive } from '../../src/drives/folder/folder-drive.ts'
import { sourceContract } from '../../src/engine/source-contract.ts'
import { diskBench } from '../servers/disk-bench.ts'
import { sharedDir } from '../servers/process.ts'

describe('a folder on this machine', () => {
  const open = async () => {
    const root = await sharedDir('folder')
    return diskBench(root, new FolderDrive({ path: root }))
  }
  for (const { name, run } of sourceContract({ open })) test(name, run)
})
