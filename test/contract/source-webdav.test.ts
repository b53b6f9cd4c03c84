import { chmod, mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { systemClock } from '../../src/base/clock.ts'
import { addressPolicy } from '../../src/base/remote/address-policy.ts'
import { openDrive } from '../../src/drives/open-drive.ts'
import { type SourceBench, sourceContract } from '../../src/engine/source-contract.ts'
import { startApache } from '../servers/apache.ts'
import { diskBench } from '../servers/disk-bench.ts'
import { startNginx } from '../servers/nginx.ts'
import { type RunningServer, type ServerOptions, sharedDir } from '../servers/process.ts'
import { startRclone } from '../servers/rclone.ts'
import { startWebdavServer } from '../servers/webdav-server.ts'

interface Kind {
  readonly name: string
  readonly start: (options: ServerOptions) => Promise<RunningServer>
  readonly account?: { readonly user: string; readonly password: string }
  readonly impossibleNames?: readonly string[]
}

const kinds: readonly Kind[] = [
  { name: 'Apache', start: startApache, account: { user: 'anna', password: 'pässword:1' } },
  { name: 'nginx', start: startNginx },
  { name: 'rclone', start: startRclone, account: { user: 'bob', password: 'secret' } },
  { name: 'webdav-server', start: startWebdavServer },
]

describe.each(kinds)('WebDAV of $name', ({ start, account, impossibleNames = [] }) => {
  let root = ''
  let server: RunningServer
  let benches = 0

  beforeAll(async () => {
    root = await sharedDir('dav')
    server = await start({ root, ...account })
  })

  afterAll(async () => {
    await server.stop()
    await rm(root, { recursive: true })
  })

  const open = async (): Promise<SourceBench> => {
    const name = `bench ${++benches}`
    const folder = join(root, name)
    await mkdir(folder)
    await chmod(folder, 0o755)
    const address = server.url + encodeURIComponent(name)
    const policy = addressPolicy([new URL(address).host])
    const source = openDrive('webdav', { address, ...account }, { clock: systemClock, policy })
    return diskBench(folder, source)
  }
  for (const { name, run } of sourceContract({ open, impossibleNames })) test(name, run)
})
