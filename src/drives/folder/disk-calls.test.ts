import { expect, test } from 'vitest'
import { callsAtOnce, DiskCalls, maxAbandoned } from './disk-calls.ts'

const never = new AbortController().signal
const attempt = { what: 'Reading', scope: 'item', signal: never } as const

test('a disk that hangs is not asked again until a call comes back', async () => {
  const calls = new DiskCalls()
  const hung = await hang(calls, maxAbandoned)
  const late: string[] = []
  await expect(calls.make(attempt, async () => late.push('asked'))).rejects.toMatchObject({
    code: 'unavailable',
  })
  expect(late).toEqual([])
  hung[0]!.comeBack()
  await new Promise(setImmediate)
  await expect(calls.make(attempt, async () => 'back')).resolves.toBe('back')
})

test('one call that hangs is not yet a disk that hangs', async () => {
  const calls = new DiskCalls()
  await hang(calls, maxAbandoned - 1)
  await expect(calls.make(attempt, async () => 'fine')).resolves.toBe('fine')
})

test('a disk never has more calls under way than its places, abandoned ones included', async () => {
  const calls = new DiskCalls()
  await hang(calls, maxAbandoned - 1)
  let [underWay, most] = [maxAbandoned - 1, 0]
  const call = async (): Promise<void> => {
    most = Math.max(most, ++underWay)
    await new Promise(setImmediate)
    underWay--
  }
  await Promise.all(Array.from({ length: 9 }, () => calls.make(attempt, call)))
  expect(most).toBe(callsAtOnce)
})

test('who waits for a place and gives up takes none, and makes no call', async () => {
  const calls = new DiskCalls()
  const held = Array.from({ length: callsAtOnce }, () => pending())
  const running = held.map(({ promise }) => calls.make(attempt, () => promise))
  const caller = new AbortController()
  let isMade = false
  const waiting = calls.make({ ...attempt, signal: caller.signal }, async () => (isMade = true))
  const behind = calls.make(attempt, async () => 'my turn')
  caller.abort()
  await expect(waiting).rejects.toMatchObject({ code: 'cancelled' })
  held[0]!.comeBack()
  await expect(behind).resolves.toBe('my turn')
  for (const { comeBack } of held) comeBack()
  await Promise.all(running)
  expect(isMade).toBe(false)
})

test('what comes too late is dropped, and a failure of the disk has a code', async () => {
  const calls = new DiskCalls()
  const caller = new AbortController()
  const late = pending()
  const dropped: unknown[] = []
  const making = calls.make(
    { ...attempt, signal: caller.signal },
    () => late.promise,
    (each) => dropped.push(each),
  )
  caller.abort()
  await expect(making).rejects.toMatchObject({ code: 'cancelled' })
  late.comeBack()
  await new Promise(setImmediate)
  expect(dropped).toEqual(['late'])
  const failing = calls.make(attempt, () =>
    Promise.reject(Object.assign(new Error('no'), { code: 'EIO' })),
  )
  await expect(failing).rejects.toMatchObject({ code: 'unavailable' })
})

interface Pending {
  readonly promise: Promise<string>
  readonly comeBack: () => void
}

function pending(): Pending {
  let comeBack = (): void => undefined
  const promise = new Promise<string>((resolve) => {
    comeBack = () => resolve('late')
  })
  return { promise, comeBack: () => comeBack() }
}

/** Makes calls that hang, and abandons them. */
async function hang(calls: DiskCalls, count: number): Promise<Pending[]> {
  const hung = Array.from({ length: count }, pending)
  for (const { promise } of hung) {
    const caller = new AbortController()
    const making = calls.make({ ...attempt, signal: caller.signal }, () => promise)
    await new Promise(setImmediate)
    caller.abort()
    await expect(making).rejects.toMatchObject({ code: 'cancelled' })
  }
  return hung
}
