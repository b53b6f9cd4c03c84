import { expect, test } from 'vitest'
import type { FailedTask, WorkStatus } from '../../src/engine/operations.ts'
import { House } from './house.ts'

const parked: FailedTask & { ownerId: number } = {
  id: 7,
  ownerId: 1,
  kind: 'read',
  owner: 'anna',
  sourceId: 1,
  source: 'nas',
  what: 'Album/\u001b[2Jbad.mp3',
  attempts: 6,
  crashes: 0,
  nextMs: null,
  code: 'interrupted',
  message: 'The connection broke.',
}

function task({ ownerId: _ownerId, ...rest }: FailedTask & { ownerId: number }): FailedTask {
  return rest
}

const work: WorkStatus = {
  processes: [
    {
      name: 'host:1',
      sinceMs: 1,
      state: 'silent',
      isPaused: true,
      heardMs: 2,
      goneMs: 15_002,
      slots: 32,
      busy: 1,
    },
  ],
  pools: [{ pool: 'read', slots: 32, busy: 1 }],
  slots: [
    {
      process: 'host:1',
      pool: 'read',
      slot: 3,
      owner: 'anna',
      source: 'nas',
      kind: null,
      what: '',
      sinceMs: 5,
      untilMs: 9,
    },
  ],
  lanes: [
    {
      owner: 'anna',
      pool: 'read',
      class: 1,
      weight: 3,
      lag: -0.25,
      waiting: 4,
      running: 1,
      share: 1,
    },
  ],
  unwell: [
    {
      id: 1,
      owner: 'anna',
      source: 'nas',
      state: 'stopped',
      wellMs: null,
      untilMs: null,
      code: 'auth',
      message: 'The password is wrong.',
    },
  ],
  parked: [task(parked)],
}

test('the status tells what is going on, of everybody or of the one user that is asked for', async () => {
  await using house = await House.open()
  house.work = work
  house.addOwner('anna')
  const bob = house.addOwner('bob')
  const { json } = await house.ask('/api/status')
  expect(json['work']).toEqual(work)
  expect(house.workOf).toBeNull()
  await house.ask('/api/status?user=bob')
  expect(house.workOf).toBe(bob.id)
})

test('failed tasks are told in pages: those that wait for a person, or all', async () => {
  await using house = await House.open()
  house.addOwner('anna')
  house.addOwner('bob')
  house.failed.push(parked, { ...parked, id: 8, nextMs: 99 }, { ...parked, id: 9, ownerId: 2 })
  const first = await house.ask('/api/users/anna/tasks')
  expect(first.json).toEqual({ tasks: [task(parked)] })
  const all = await house.ask('/api/users/anna/tasks?all=true&after=7&limit=1')
  expect(all.json['tasks']).toMatchObject([{ id: 8, nextMs: 99 }])
  expect((await house.ask('/api/users/anna/tasks?limit=1001')).status).toBe(400)
})

test.each(['retry', 'drop'])('one can %s a task of his own, and no other', async (deed) => {
  await using house = await House.open()
  house.addOwner('anna')
  house.addOwner('bob')
  house.failed.push(parked)
  const method = 'POST'
  expect(await house.ask(`/api/users/anna/tasks/7/${deed}`, { method })).toMatchObject({
    status: 200,
    json: { isDone: true },
  })
  expect(await house.ask(`/api/users/bob/tasks/7/${deed}`, { method })).toMatchObject({
    status: 404,
    json: { code: 'unknown-task' },
  })
  expect((await house.ask(`/api/users/anna/tasks/x/${deed}`, { method })).status).toBe(400)
  expect(house.deeds).toEqual([[deed, 7]])
})

test.each(['pause', 'resume', 'restart'])('one can %s a source', async (verb) => {
  await using house = await House.open()
  const nas = house.addSource(house.addOwner('anna'), 'nas')
  const method = 'POST'
  const { status } = await house.ask(`/api/users/anna/sources/nas/${verb}`, { method })
  expect(status).toBe(200)
  expect((await house.ask(`/api/users/anna/sources/no/${verb}`, { method })).status).toBe(404)
  expect(house.deeds).toEqual([[verb, nas.id]])
})

test('what stands still is restarted, and what is parked tried again', async () => {
  await using house = await House.open()
  house.stalls = [{ sourceId: 4, sinceMs: 1 }]
  house.failed.push(parked)
  const { json } = await house.ask('/api/restart-stuck', { method: 'POST' })
  expect(json).toEqual({ sources: [4], tasks: 2 })
  expect(house.deeds).toEqual([
    ['restart', 4],
    ['retry all', 1],
  ])
})

test('a page of somebody else changes nothing', async () => {
  await using house = await House.open()
  const headers = { origin: 'https://evil.example' }
  const { status } = await house.ask('/api/restart-stuck', { method: 'POST', headers })
  expect(status).toBe(403)
})
