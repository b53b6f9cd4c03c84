import { expect, it } from 'vitest'
import { World } from './world.ts'

it('a drive is listed, read and followed', async () => {
  const world = new World()
  const anna = await world.addOwner('anna')
  const source = await world.addDrive(anna, 100)
  await world.engine.start()
  await world.settle()
  expect(Object.keys(world.shown.of(source))).toHaveLength(100)
  const drive = world.drive(source)
  const { opens, lists } = drive.counts
  expect(opens).toBe(100)
  await world.sync(source)
  expect(drive.counts.opens).toBe(opens)
  expect(drive.counts.lists).toBe(lists * 2)
  drive.remove('d0/f0')
  drive.put('d1/f1', Buffer.from('new'))
  await world.sync(source)
  expect(drive.counts.opens).toBe(opens + 1)
  expect(Object.keys(world.shown.of(source))).toHaveLength(99)
  expect(world.shown.of(source)['d1/f1']).toBe('new')
  await world.stop()
})

it('two slots serve Anna, Bob and Charlie in the literal round robin', async () => {
  const world = new World({ policy: { charge: 'tasks', slots: { list: 3, read: 2 } } })
  for (const [name, plan] of [
    ['A', 'free'],
    ['B', 'free'],
    ['C', 'premium'],
  ] as const) {
    const source = await world.addDrive(await world.addOwner(name, plan), 21)
    world.drive(source).inject({ on: 'open', does: 'slow', ms: 100 })
  }
  await world.engine.start()
  await world.settle()
  console.log(world.turns.join(''))
  expect(world.turns.join('')).toContain('CCCABCCCABCCCABCCC')
  await world.stop()
})
