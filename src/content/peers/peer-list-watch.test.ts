import { beforeEach, describe, expect, it } from 'vitest'
import { VirtualClock } from '../../../test/sim/virtual-clock.ts'
import { untilAborted } from '../../base/abort.ts'
import { SyncError } from '../../base/errors.ts'
import { type Fields, silentLog } from '../../base/log.ts'
import { seededRandom } from '../../base/random.ts'
import type { PeerAddress, PeerList } from './peer-list.ts'
import { maxReadMs } from './peer-list-remembered.ts'
import { parsePeers, StaticPeers } from './peer-list-static.ts'
import { PeerListWatch, type PeerListWatchParts } from './peer-list-watch.ts'

const minuteMs = 60_000
const url = (name: string): string => `https://${name}.example/content`
const heard = (...names: string[]): PeerAddress[] =>
  names.map((name) => ({ url: url(name), isOperators: false }))

/** A list that says what the test says, or fails as it says. */
class ToldList implements PeerList {
  readonly name: string
  says: readonly PeerAddress[] | SyncError | 'nothing'
  reads = 0

  constructor(name: string, says: ToldList['says']) {
    this.name = name
    this.says = says
  }

  async read(signal: AbortSignal): Promise<readonly PeerAddress[]> {
    this.reads++
    if (this.says === 'nothing') return untilAborted(signal, 'waiting')
    if (this.says instanceof SyncError) throw this.says
    return this.says
  }
}

let clock: VirtualClock
let facts: Map<string, string>
let told: string[]
let lines: string[]

beforeEach(() => {
  clock = new VirtualClock()
  facts = new Map()
  told = []
  lines = []
})

const away = (retryAfterMs = 0): SyncError => new SyncError('unreachable', 'gone', { retryAfterMs })
const names = (sign: string, peers: readonly PeerAddress[]): string[] =>
  peers.map((peer) => sign + new URL(peer.url).host.split('.')[0] + (peer.isOperators ? '!' : ''))

function watching(
  lists: readonly PeerList[],
  more: Partial<PeerListWatchParts> = {},
): PeerListWatch {
  const line =
    (level: string) =>
    ({ list, code }: Fields): void =>
      void lines.push([level, list, code].filter((part) => typeof part === 'string').join(' '))
  const watch = new PeerListWatch({
    lists,
    ownUrl: null,
    following: [],
    facts: {
      fact: async (name) => facts.get(name) ?? null,
      setFact: async (name, value) => void facts.set(name, value),
    },
    clock,
    random: seededRandom(7),
    log: { ...silentLog, warn: line('warn'), info: line('info') },
    onChange: async (added, removed) => {
      told.push([...names('+', added), ...names('-', removed)].join(' '))
    },
    ...more,
  })
  watch.start()
  return watch
}

const pass = (ms: number): Promise<boolean> => clock.runUntil(() => false, ms)

describe('a list of peers that is watched', () => {
  it('is read at start and every half hour, and only what changed is told', async () => {
    const list = new ToldList('list', heard('a', 'b', 'a'))
    const watch = watching([list])
    await pass(26 * minuteMs)
    expect([list.reads, told]).toEqual([1, ['+a +b']])
    list.says = heard('c', 'b')
    await pass(8 * minuteMs)
    expect([list.reads, told]).toEqual([2, ['+a +b', '+c -a']])
    await pass(5 * 60 * minuteMs)
    expect(list.reads).toBeGreaterThanOrEqual(11)
    expect(list.reads).toBeLessThanOrEqual(13)
    expect(told).toHaveLength(2)
    expect(watch.peers).toEqual(heard('c', 'b'))
    await watch.stop()
  })

  it.each([
    [0, 27],
    [0.5, 30],
    [1, 33],
  ])(
    'is not read by all nodes at once: by a chance of %d after %d minutes',
    async (chance, minutes) => {
      const list = new ToldList('list', heard('a'))
      const watch = watching([list], { random: () => chance })
      await pass(minutes * minuteMs - 1)
      expect(list.reads).toBe(1)
      await pass(1)
      expect(list.reads).toBe(2)
      await watch.stop()
    },
  )

  it('leaves the node itself out', async () => {
    const watch = watching([new ToldList('list', heard('a', 'b'))], { ownUrl: 'https://A.example' })
    await pass(minuteMs)
    expect(told).toEqual(['+b'])
    await watch.stop()
  })

  it('stays as it was while it cannot be read; that is logged once, and tried again with backoff', async () => {
    const list = new ToldList('list', heard('a'))
    const watch = watching([list])
    await pass(minuteMs)
    list.says = away()
    await pass(35 * minuteMs)
    const { reads } = list
    expect(reads).toBeGreaterThanOrEqual(4)
    await pass(24 * 60 * minuteMs)
    expect(list.reads - reads).toBeLessThan(24 * 4)
    expect(told).toEqual(['+a'])
    expect(lines).toEqual(['warn list unreachable'])
    list.says = heard('a', 'b')
    await pass(60 * minuteMs)
    expect(told).toEqual(['+a', '+b'])
    expect(lines).toEqual(['warn list unreachable', 'info list'])
    await watch.stop()
  })

  it('is left alone for as long as it asks, half an hour at most', async () => {
    const list = new ToldList('list', away(10 * minuteMs))
    const watch = watching([list])
    await pass(9 * minuteMs)
    expect(list.reads).toBe(1)
    list.says = away(99 * 60 * minuteMs)
    await pass(2 * minuteMs)
    expect(list.reads).toBe(2)
    list.says = heard('a')
    await pass(30 * minuteMs)
    expect(told).toEqual(['+a'])
    await watch.stop()
  })

  it('that never answers is given up after two minutes', async () => {
    const list = new ToldList('list', 'nothing')
    const watch = watching([list])
    await pass(maxReadMs - 1)
    expect(lines).toEqual([])
    list.says = heard('a')
    await pass(1)
    expect(lines).toEqual(['warn list timeout'])
    await pass(minuteMs)
    expect(told).toEqual(['+a'])
    await watch.stop()
  })

  it('is told again when whoever listens fails', async () => {
    let isAway = true
    const list = new ToldList('list', heard('a'))
    const watch = watching([list], {
      onChange: async (added) => {
        if (isAway) throw new SyncError('database-away', 'gone')
        told.push(names('+', added).join(' '))
      },
    })
    await pass(minuteMs)
    expect(lines).toEqual(['warn list database-away'])
    isAway = false
    await pass(2 * minuteMs)
    expect(told).toEqual(['+a'])
    await watch.stop()
  })
})

describe('after a restart', () => {
  it('a list that is away is what it was', async () => {
    const before = watching([new ToldList('list', heard('b', 'a'))])
    await pass(minuteMs)
    await before.stop()
    const list = new ToldList('list', away())
    const watch = watching([list])
    await pass(minuteMs)
    expect(told).toEqual(['+b +a', '+a +b'])
    list.says = heard('a', 'c')
    await pass(5 * minuteMs)
    expect(told.slice(2)).toEqual(['+c -b'])
    expect(facts.get('peers of list')).toBe(JSON.stringify([url('a'), url('c')]))
    await watch.stop()
  })

  it('when one was last read is remembered', async () => {
    const list = new ToldList('list', away())
    const watch = watching([list])
    await pass(minuteMs)
    expect(facts.get('peers.read')).toBeUndefined()
    list.says = heard('a')
    await pass(60 * minuteMs)
    const readMs = Number(facts.get('peers.read'))
    expect(clock.now() - readMs).toBeLessThan(40 * minuteMs)
    list.says = away()
    await pass(60 * minuteMs)
    expect(clock.now() - Number(facts.get('peers.read'))).toBeGreaterThan(60 * minuteMs)
    await watch.stop()
  })

  it('what it was is told before it answers', async () => {
    facts.set('peers of list', JSON.stringify([url('a')]))
    const watch = watching([new ToldList('list', 'nothing')])
    await pass(0)
    expect(told).toEqual(['+a'])
    await watch.stop()
  })

  it.each(['nonsense', '{}', '[7,"nonsense",null]'])(
    'a memory that makes no sense is none: %s',
    async (memory) => {
      facts.set('peers of list', memory)
      const watch = watching([new ToldList('list', heard('a'))])
      await pass(minuteMs)
      expect(told).toEqual(['+a'])
      await watch.stop()
    },
  )

  it('goes on where facts cannot be had, and remembers as soon as they can', async () => {
    let isAway = true
    const check = (): void => {
      if (isAway) throw new SyncError('database-away', 'gone')
    }
    const list = new ToldList('list', heard('a'))
    const watch = watching([list], {
      facts: {
        fact: async () => {
          check()
          return null
        },
        setFact: async (name, value) => {
          check()
          facts.set(name, value)
        },
      },
    })
    await pass(1_000)
    expect(told).toEqual(['+a'])
    isAway = false
    await pass(minuteMs)
    expect(facts.get('peers of list')).toBe(JSON.stringify([url('a')]))
    await watch.stop()
  })

  it('peers of an earlier life stay until every list has been read', async () => {
    const list = new ToldList('list', away())
    const typed = new StaticPeers(parsePeers(url('t')))
    const following = [...heard('a', 'b'), { url: url('t'), isOperators: true }]
    const watch = watching([typed, list], { following })
    await pass(20 * minuteMs)
    expect(told).toEqual([])
    expect(watch.peers).toHaveLength(3)
    list.says = heard('a')
    await pass(60 * minuteMs)
    expect(told).toEqual(['-b'])
    await watch.stop()
  })
})

describe('several lists', () => {
  it('are one; each can be away without taking its peers along', async () => {
    const [one, other] = [new ToldList('one', heard('a', 'b')), new ToldList('other', heard('b'))]
    const watch = watching([one, other])
    await pass(minuteMs)
    one.says = heard('a')
    other.says = away()
    await pass(40 * minuteMs)
    expect(told.join(' ')).toBe('+a +b')
    other.says = []
    await pass(60 * minuteMs)
    expect(told.at(-1)).toBe('-b')
    await watch.stop()
  })

  it('what the operator typed is his, and he is asked anew after a restart', async () => {
    const typed = new StaticPeers(parsePeers(url('a')))
    const list = new ToldList('list', heard('a'))
    const watch = watching([list, typed])
    await pass(minuteMs)
    expect(watch.peers).toEqual([{ url: url('a'), isOperators: true }])
    expect([...facts.keys()].toSorted()).toEqual(['peers of list', 'peers.read'])
    expect(facts.get('peers of list')).toBe(JSON.stringify([url('a')]))
    await watch.stop()
    told = []
    const again = watching([new ToldList('list', away()), typed], { following: watch.peers })
    await pass(minuteMs)
    expect(told).toEqual([])
    await again.stop()
    const untyped = watching([new ToldList('list', away())], { following: watch.peers })
    await pass(minuteMs)
    expect(told).toEqual(['+a'])
    await untyped.stop()
  })
})

it('ends at once, whatever it waits for, and tells nothing any more', async () => {
  const lists = [new ToldList('hangs', 'nothing'), new ToldList('fine', heard('a'))]
  const watch = watching(lists)
  await pass(0)
  await watch.stop()
  await pass(600 * minuteMs)
  expect(lists.map(({ reads }) => reads)).toEqual([1, 1])
  expect([told, lines]).toEqual([['+a'], []])
})
