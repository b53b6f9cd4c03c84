import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { systemClock } from '../../src/base/clock.ts'
import { publicOnly } from '../../src/base/remote/address-policy.ts'
import { readBody } from '../../src/base/remote/body.ts'
import { openDrive } from '../../src/drives/drives.ts'
import type { ListedItem, Source } from '../../src/engine/source.ts'
import { startApache } from '../servers/apache.ts'
import { isInstalled } from '../servers/installed.ts'
import { type RunningServer, sharedDir } from '../servers/process.ts'
import { FaultyProxy } from './proxy.ts'

const never = new AbortController().signal
let root = ''
let apache: RunningServer
let proxy: FaultyProxy
let drive: Source

beforeAll(async () => {
  root = await sharedDir('faults')
  await mkdir(join(root, 'many'))
  for (let i = 0; i < 1_500; i++) await writeFile(join(root, `many/${i}.mp3`), 'x')
  await writeFile(join(root, 'song.mp3'), Buffer.alloc(3_000_000, 7))
  apache = await startApache({ root })
})

afterAll(async () => {
  await apache.stop()
  await rm(root, { recursive: true })
})

beforeEach(async () => {
  proxy = new FaultyProxy(apache.url)
  const address = await proxy.start()
  const limits = { headersMs: 400, idleMs: 400 }
  drive = openDrive(
    { kind: 'webdav', address, isOperators: true },
    { clock: systemClock, policy: publicOnly, limits },
  )
})

afterEach(async () => {
  await drive.close()
  await proxy.stop()
})

describe.skipIf(!isInstalled('apache2'))('Apache behind a bad line', () => {
  test('works through a good one', async () => {
    expect(await list('many')).toHaveLength(1_500)
    const { body } = await drive.open(await song(), null, never)
    expect(await readBody(body, 4_000_000, never)).toHaveLength(3_000_000)
  })

  test('a listing that is cut is never a shorter folder', async () => {
    await drive.check(never)
    for (const cutAfterBytes of [100, 5_000, 100_000, 300_000]) {
      const whole = proxy.counts.fromServer
      proxy.faults.cutAfterBytes = whole + cutAfterBytes
      await expect(list('many')).rejects.toMatchObject({ code: 'interrupted' })
    }
  })

  test('a body that is cut is interrupted', async () => {
    const item = await song()
    proxy.faults.cutAfterBytes = 500_000
    const { body } = await drive.open(item, null, never)
    await expect(readBody(body, 4_000_000, never)).rejects.toMatchObject({ code: 'interrupted' })
  })

  test('a line that falls silent is a timeout', async () => {
    proxy.faults.stallAfterBytes = 50_000
    await expect(list('many')).rejects.toMatchObject({ code: 'timeout' })
  })

  test('a NAS that is switched off in the middle, and on again, is used again', async () => {
    await drive.check(never)
    proxy.switchOff()
    const failure: unknown = await drive.check(never).catch((thrown: unknown) => thrown)
    expect(failure).toMatchObject({ remedy: 'source' })
    proxy.switchOn()
    await drive.check(never)
  })

  test('bodies that are let go of leave no connections behind', async () => {
    const item = await song()
    for (let i = 0; i < 20; i++) (await drive.open(item, null, never)).body.destroy()
    await drive.check(never)
    expect(proxy.open).toBeLessThanOrEqual(3)
  })
})

async function list(step: string | null): Promise<ListedItem[]> {
  const items: ListedItem[] = []
  for await (const { changes } of drive.list(step, never)) {
    items.push(...changes.flatMap((change) => (change.type === 'listed' ? [change.item] : [])))
  }
  return items
}

async function song(): Promise<ListedItem> {
  const [item] = await list(null)
  if (item === undefined) throw new Error('nothing listed')
  return item
}
