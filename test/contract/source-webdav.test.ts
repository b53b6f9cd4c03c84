import { chmod, mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { systemClock } from '../../src/base/clock.ts'
import { publicOnly } from '../../src/base/remote/address-policy.ts'
import { openDrive } from '../../src/drives/drives.ts'
import {
  type SourceBench,
  sourceContract,
  type SourceTrial,
} from '../../src/engine/source-contract.ts'
import { FaultyProxy } from '../faults/proxy.ts'
import { startApache } from '../servers/apache.ts'
import { diskBench } from '../servers/disk-bench.ts'
import { isInstalled, isNginxInstalled } from '../servers/installed.ts'
import { startNginx } from '../servers/nginx.ts'
import { type RunningServer, type ServerOptions, sharedDir } from '../servers/process.ts'
import { startRclone } from '../servers/rclone.ts'
import { startWebdavServer } from '../servers/webdav-server.ts'

interface Kind {
  readonly name: string
  readonly isThere: boolean
  readonly start: (options: ServerOptions) => Promise<RunningServer>
  /** It runs as root under root, so nothing is closed to it. */
  readonly isRoot?: boolean
  readonly account?: { readonly user: string; readonly password: string }
  readonly trial?: Omit<SourceTrial, 'open'>
}

const kinds: readonly Kind[] = [
  {
    name: 'Apache',
    isThere: isInstalled('apache2'),
    start: startApache,
    account: { user: 'anna', password: 'pässword:1' },
  },
  {
    name: 'nginx',
    isThere: isNginxInstalled(),
    start: startNginx,
    // It lists no names that begin with a dot, and says 404 of what it may not read.
    trial: { impossibleNames: ['...dots.mp3'], hidesForbidden: true },
  },
  {
    name: 'rclone',
    isThere: isInstalled('rclone'),
    start: startRclone,
    isRoot: true,
    account: { user: 'bob', password: 'secret' },
    // Without its cache, rclone reads the whole folder again for each file in it.
    trial: { impossibleNames: ['new\nline.mp3'], largeFolder: 150 },
  },
  {
    name: 'webdav-server',
    isThere: true,
    start: startWebdavServer,
    isRoot: true,
    // It tells neither version nor total size with a part.
    trial: { impossibleNames: ['back\\slash.mp3'], noticesChanges: false },
  },
]

for (const kind of kinds) {
  describe.skipIf(!kind.isThere)(`WebDAV of ${kind.name}`, () => tryKind(kind))
}

function tryKind({ start, isRoot, account, trial }: Kind): void {
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
    const name = `bench-${++benches}`
    const folder = join(root, name)
    await mkdir(folder)
    await chmod(folder, 0o755)
    const proxy = new FaultyProxy(server.url)
    const address = (await proxy.start()) + encodeURIComponent(name)
    const drive = { kind: 'webdav', address, isOperators: true, ...account }
    const source = openDrive(drive, { clock: systemClock, policy: publicOnly })
    const { forbid, ...bench } = diskBench(folder, source)
    return {
      ...bench,
      ...(isRoot === true || forbid === undefined ? {} : { forbid }),
      cut: async () => {
        proxy.faults.cutAfterBytes = proxy.counts.fromServer + 10_000
      },
      switchOff: async () => proxy.switchOff(),
      close: async () => {
        await bench.close()
        await proxy.stop()
      },
    }
  }
  for (const { name, run } of sourceContract({ open, ...trial })) test(name, run)
}
