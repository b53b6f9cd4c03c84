import { beforeEach, describe, expect, test } from 'vitest'
import { made } from '../../test/content/deployments.ts'
import type { Clock } from '../base/clock.ts'
import { systemClock } from '../base/clock.ts'
import type { ContentEffect, Deployed } from './content-store.ts'
import { GroupCommit } from './group-commit.ts'

/** Names of what was written, one list for each transaction. */
let written: string[][]
let timers: (() => void)[]
/** Ends the transaction that is under way. */
let finish: (() => void)[]
let commit: GroupCommit

const clock: Clock = {
  ...systemClock,
  after: (_ms, run) => {
    timers.push(run)
    return () => void (timers = timers.filter((each) => each !== run))
  },
}

beforeEach(() => {
  ;[written, timers, finish] = [[], [], []]
  const store = {
    deploy: async ({ deployments }: ContentEffect): Promise<readonly Deployed[]> => {
      const names = deployments.map(({ deployer }) => deployer)
      written.push(names)
      await new Promise<void>((resolve) => finish.push(resolve))
      if (names.includes('bad')) throw new Error('no room')
      return deployments.map(({ entityId }, at) => ({ entityId, localMs: at, isNew: true }))
    },
  }
  commit = new GroupCommit({ store, clock })
})

function effect(name: string): ContentEffect {
  const deployments = [made(name, { deployer: name })]
  return { deployments, blobs: [], failures: [], parts: [] }
}

async function over(): Promise<void> {
  finish.shift()?.()
  await new Promise((resolve) => setImmediate(resolve))
}

describe('deployments that are written together', () => {
  test('are those whose coming was told, and nobody waits for a timer then', async () => {
    const comers = [commit.announce(), commit.announce()]
    const told = comers.map((comer, at) => comer.deploy(effect(`number ${at}`)))
    expect(written).toEqual([['number 0', 'number 1']])
    expect(timers).toEqual([])
    await over()
    await expect(Promise.all(told)).resolves.toMatchObject([[{ localMs: 0 }], [{ localMs: 1 }]])
  })

  test('are not held up by who is alone', () => {
    void commit.announce().deploy(effect('alone'))
    expect(written).toEqual([['alone']])
  })

  test('do not wait for who has gone another way', () => {
    const other = commit.announce()
    void commit.announce().deploy(effect('ready'))
    expect(written).toEqual([])
    other.leave()
    expect(written).toEqual([['ready']])
  })

  test('wait for the next one, too, when somebody has left twice', () => {
    const gone = commit.announce()
    gone.leave()
    gone.leave()
    commit.announce()
    void commit.announce().deploy(effect('ready'))
    expect(written).toEqual([])
  })

  test('wait for nobody longer than a moment', async () => {
    const late = commit.announce()
    void commit.announce().deploy(effect('ready'))
    expect(written).toEqual([])
    timers[0]?.()
    expect(written).toEqual([['ready']])
    void late.deploy(effect('late'))
    await over()
    expect(written).toEqual([['ready'], ['late']])
  })

  test('are those that came while others were written', async () => {
    void commit.announce().deploy(effect('first'))
    void commit.announce().deploy(effect('second'))
    void commit.announce().deploy(effect('third'))
    expect(written).toEqual([['first']])
    await over()
    expect(written).toEqual([['first'], ['second', 'third']])
  })

  test('are no bigger than 32 MiB, but for what is alone', async () => {
    const heavy = (name: string, megabytes: number): ContentEffect => ({
      ...effect(name),
      blobs: [{ hash: name, bytes: Buffer.alloc(megabytes * 1_048_576) }],
    })
    commit.announce()
    void commit.announce().deploy(heavy('first', 20))
    expect(written).toEqual([])
    // With this one it is enough: nobody is waited for any more.
    void commit.announce().deploy(heavy('second', 20))
    void commit.announce().deploy(heavy('huge', 40))
    void commit.announce().deploy(heavy('last', 1))
    expect(written).toEqual([['first']])
    await over()
    expect(written).toEqual([['first'], ['second']])
    await over()
    expect(written).toEqual([['first'], ['second'], ['huge']])
    timers[0]?.()
    await over()
    timers[0]?.()
    expect(written).toEqual([['first'], ['second'], ['huge'], ['last']])
  })

  test('fail together, and those behind them go on', async () => {
    const bad = commit.announce().deploy(effect('bad'))
    const good = commit.announce().deploy(effect('good'))
    const refused = expect(bad).rejects.toThrow('no room')
    await over()
    await over()
    await refused
    await expect(good).resolves.toHaveLength(1)
  })
})
