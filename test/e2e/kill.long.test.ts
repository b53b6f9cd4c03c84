import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { seededRandom } from '../../src/base/random.ts'
import { FaultyProxy } from '../faults/proxy.ts'
import { startApache } from '../servers/apache.ts'
import { sharedDir } from '../servers/process.ts'
import { isInstalled } from '../servers/installed.ts'
import { Roundelay, withoutIds } from './roundelay.ts'
import { tinyFlac } from './tiny-flac.ts'

const kills = 20
const folders = 12
const filesEach = 25
const seed = 20_260_717

describe.skipIf(!isInstalled('apache2'))('a sync that is killed', () => {
  test(
    `${kills} times, at any moment, ends with the library of one that never was`,
    { timeout: 120_000 },
    async () => {
      const random = seededRandom(seed)
      const root = await sharedDir('kill')
      await writeMusic(root)
      const apache = await startApache({ root })
      const proxy = new FaultyProxy(apache.url)
      const url = await proxy.start()
      await using whole = await Roundelay.create()
      await whole.ask(['sync', apache.url])
      const expected = withoutIds(await whole.tracks())
      expect(expected).toHaveLength(folders * filesEach)
      try {
        let killed = 0
        // A library that was whole before it was killed often enough is followed by another one.
        for (let libraries = 0; killed < kills; libraries++) {
          expect(libraries, 'it is slow enough to be killed').toBeLessThan(kills)
          await using roundelay = await Roundelay.create()
          proxy.faults.delayMs = slowMs
          let hasEnded = false
          while (!hasEnded && killed < kills) {
            const command = roundelay.start(['sync', url])
            const timer = setTimeout(() => command.kill('SIGKILL'), earliestMs + random() * spanMs)
            const { status, stderr } = await command.ended
            clearTimeout(timer)
            if (status === null) killed++
            else expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
            hasEnded = status === 0
          }
          proxy.faults.delayMs = 0
          const report = await roundelay.ask(['sync', url])
          expect(report).toContain(`${expected.length} tracks`)
          expect(withoutIds(await roundelay.tracks())).toEqual(expected)
          expect(await roundelay.ask(['doctor'])).toContain('the database is sound')
          expect(await roundelay.ask(['source', 'list'])).toMatch(/ waiting +300 +0 +0 +0 /)
        }
        expect(killed).toBe(kills)
      } finally {
        await proxy.stop()
        await apache.stop()
        await rm(root, { recursive: true })
      }
    },
  )
})

/** Milliseconds that each piece takes through the proxy; a process that is killed has lived for `earliestMs` to `earliestMs + spanMs`. */
const slowMs = 100
const earliestMs = 100
const spanMs = 1_100

async function writeMusic(root: string): Promise<void> {
  for (let folder = 0; folder < folders; folder++) {
    const path = join(root, `${folder % 3}`, `Album ${folder}`)
    await mkdir(path, { recursive: true })
    for (let n = 1; n <= filesEach; n++) {
      const tags = {
        TITLE: `Song ${n}`,
        ARTIST: `Artist ${n % 4}`,
        ALBUM: `Album ${folder}`,
        ALBUMARTIST: `Artist ${folder % 5}`,
        TRACKNUMBER: `${n}`,
      }
      await writeFile(join(path, `${n}.flac`), tinyFlac(tags))
    }
  }
}
