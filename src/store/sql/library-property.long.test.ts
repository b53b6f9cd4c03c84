import * as fc from 'fast-check'
import { afterAll, expect, it } from 'vitest'
import { dropBases, kinds } from '../../../test/library/databases.ts'
import { LibraryWorld, onEveryDatabase, type Song } from '../../../test/library/world.ts'

const artist = fc.constantFrom('Soul', 'SOUL', 'soul', 'Sun feat. Soul', 'Sun', 'sü')
const album = fc.constantFrom('Sea', 'sea', 'Sky')
const folder = fc.constantFrom('s', 't', 's/u')

/** Most without an album artist, so that folders decide. */
const song: fc.Arbitrary<Song> = fc
  .record({
    title: fc.constantFrom('Song', 'Stay', 'song'),
    artist,
    album: fc.option(album, { freq: 5, nil: undefined }),
    albumArtist: fc.constantFrom(undefined, undefined, undefined, 'Soul', 'SUN'),
    isCompilation: fc.constantFrom(false, false, false, true),
    year: fc.integer({ min: 1990, max: 1993 }),
    track: fc.integer({ min: 0, max: 2 }),
  })
  .map((tags) => ({ tags: JSON.parse(JSON.stringify(tags)) }))

const files = fc.uniqueArray(fc.tuple(folder, fc.integer({ min: 1, max: 6 }), song), {
  selector: ([place, number]) => `${place}/${number}.mp3`,
  maxLength: 9,
})

type Step =
  | { readonly does: 'put'; readonly at: number; readonly song: Song }
  | { readonly does: 'lose' | 'skip'; readonly at: number; readonly repeat: boolean }
  | {
      readonly does: 'move'
      readonly at: number
      readonly to: number
      readonly isSeenFirst: boolean
    }

const at = fc.integer({ min: 0, max: 7 })
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ does: fc.constant('put' as const), at, song }) },
  {
    weight: 2,
    arbitrary: fc.record({
      does: fc.constantFrom('lose' as const, 'skip' as const),
      at,
      repeat: fc.boolean(),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      does: fc.constant('move' as const),
      at,
      to: at,
      isSeenFirst: fc.boolean(),
    }),
  },
)

const paths = ['s/1', 's/2', 's/3', 't/1', 't/2', 's/u/1', 's/u/2', '1'].map((p) => `${p}.mp3`)

onEveryDatabase((open, kind) => {
  // A history takes longer where every statement is a message.
  const runs = { numRuns: kind === 'SQLite' ? 60 : 25 }

  it('shows the same library in whatever order the files arrive, however often', async () => {
    await fc.assert(
      fc.asyncProperty(
        files.chain((all) => fc.tuple(fc.constant(all), fc.shuffledSubarray([...all, ...all]))),
        async ([all, repeats]) => {
          const [one, other, batched] = [await open(), await open(), await open()]
          for (const [place, number, each] of all) await one.put(`${place}/${number}.mp3`, each)
          for (const [place, number, each] of [...repeats, ...all.toReversed()]) {
            await other.put(`${place}/${number}.mp3`, each)
          }
          const inOne = all.map(
            ([place, number, each]) => [`${place}/${number}.mp3`, each] as const,
          )
          await batched.putAll(inOne)
          expect(await other.visible()).toEqual(await one.visible())
          expect(await batched.visible()).toEqual(await one.visible())
          await Promise.all([one, other, batched].map((world) => world.close()))
        },
      ),
      runs,
    )
  })

  it('shows after any history what a library of the files that are left shows', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
        const world = await open()
        const left = new Map<string, Song>()
        for (const each of steps) {
          world.nowMs += 10
          await take(world, left, each)
        }
        const fresh = await open()
        for (const [path, each] of left) await fresh.put(path, each)
        expect(await world.visible()).toEqual(await fresh.visible())
        await Promise.all([world, fresh].map((each) => each.close()))
      }),
      runs,
    )
  })

  it('keeps the track of every file through any moves and absences', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 4 }),
        fc.boolean(),
        fc.array(round, { minLength: 1, maxLength: 6 }),
        async (count, hasIds, rounds) => {
          const world = await open()
          const songs = Array.from({ length: count }, (_, i): Song => {
            const tags = { title: `Song ${i}`, artist: 'Sun', album: 'Sea' }
            return hasIds ? { tags, id: `id ${i}` } : { tags }
          })
          const places = songs.map((_, i) => paths[i]!)
          for (const [i, each] of songs.entries()) await world.put(places[i]!, each)
          const ids = await idsAt(world, places)
          for (const each of rounds) {
            world.nowMs += 10
            await moveSome(world, { songs, places, ...each })
            expect(await idsAt(world, places)).toEqual(ids)
            expect(await world.tracks()).toHaveLength(count)
          }
          await world.close()
        },
      ),
      runs,
    )
  })
})

afterAll(dropBases)

it('shows the same on each kind of database after the same history', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
      const worlds = await Promise.all(kinds.map((kind) => LibraryWorld.open(kind)))
      const shown: object[] = []
      for (const world of worlds) {
        const left = new Map<string, Song>()
        for (const each of steps) {
          world.nowMs += 10
          await take(world, left, each)
        }
        shown.push(await world.visible())
        await world.close()
      }
      expect(shown[0]).toEqual(shown[1])
    }),
    { numRuns: 40 },
  )
})

async function take(world: LibraryWorld, left: Map<string, Song>, each: Step): Promise<void> {
  const path = paths[each.at]!
  if (each.does === 'put') {
    await world.put(path, each.song)
    left.set(path, each.song)
  } else if (each.does === 'move') {
    const moved = left.get(path)
    const to = paths[each.to]!
    if (moved === undefined || left.has(to)) return
    const roundStartMs = world.nowMs
    if (each.isSeenFirst) await world.put(to, moved)
    await world.lose(path, roundStartMs)
    await world.put(to, moved)
    left.delete(path)
    left.set(to, moved)
  } else {
    for (let times = each.repeat ? 2 : 1; times > 0; times--) {
      if (each.does === 'lose') await world.lose(path)
      else await world.skip(path, { version: 'bad' })
    }
    left.delete(path)
  }
}

/** In one round: which files change their places, and in which order that is noticed. */
const round = fc.record({
  order: fc.shuffledSubarray([...paths.keys()], { minLength: paths.length }),
  moves: fc.integer({ min: 1, max: 4 }),
  events: fc.array(fc.nat(), { minLength: 8, maxLength: 8 }),
  isTwice: fc.boolean(),
})

async function idsAt(world: LibraryWorld, places: readonly string[]): Promise<unknown[]> {
  const tracks = new Map((await world.tracks()).map(({ path, id }) => [path, id]))
  return places.map((path) => tracks.get(path))
}

interface Round {
  readonly songs: readonly Song[]
  readonly places: string[]
  readonly order: readonly number[]
  readonly moves: number
  readonly events: readonly number[]
  readonly isTwice: boolean
}

async function moveSome(world: LibraryWorld, round: Round): Promise<void> {
  const { songs, places, order, moves, isTwice } = round
  const roundStartMs = world.nowMs
  const free = order.map((i) => paths[i]!).filter((path) => !places.includes(path))
  const noticed: (() => Promise<void>)[] = []
  for (let i = 0; i < Math.min(moves, songs.length, free.length); i++) {
    const [from, to, each] = [places[i]!, free[i]!, songs[i]!]
    noticed.push(
      () => world.lose(from, roundStartMs),
      () => world.put(to, each),
    )
    places[i] = to
  }
  const shuffled = noticed
    .map((event, i) => ({ event, rank: round.events[i] ?? 0 }))
    .sort((one, other) => one.rank - other.rank)
  for (const { event } of shuffled) {
    world.nowMs += 1
    await event()
    if (isTwice) await event()
  }
}
