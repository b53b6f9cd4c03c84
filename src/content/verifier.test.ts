import { afterEach, expect, test } from 'vitest'
import {
  makeIdentity,
  type SignedEntity,
  signedEntity,
  signedProfile,
  simpleChain,
} from '../../test/content/signer.ts'
import { systemClock } from '../base/clock.ts'
import { rules } from './rules/rules.ts'
import { ruleSettings } from './rules/settings.ts'
import type { Verdict } from './verification.ts'
import { ThreadedVerifier } from './verifier.ts'
import { verifyJob } from './verify-job.ts'

const { signal } = new AbortController()
const identity = makeIdentity(1)
const timestamp = 1_795_288_697_295
let verifier: ThreadedVerifier

afterEach(() => verifier.close())

/** A thread that does what the first byte of a file says: hang, break, or refuse it with that byte. */
const script = new URL(
  `data:text/javascript,${encodeURIComponent(`
    import { parentPort, workerData } from 'node:worker_threads'
    const progress = new Int32Array(workerData)
    parentPort.on('message', ({ bytes, jobs }) => {
      parentPort.postMessage(jobs.map(({ start }, index) => {
        Atomics.store(progress, 0, index)
        if (bytes[start] === 1) for (;;);
        if (bytes[start] === 2) process.exit(1)
        return { isGood: false, errors: [String(bytes[start]), String(jobs.length)] }
      }))
    })
    parentPort.postMessage(null)
  `)}`,
)

function profile(number: number): SignedEntity {
  return signedProfile({ identity, timestamp: timestamp + number })
}

function stolen(signed: SignedEntity): SignedEntity {
  return { ...signed, authChain: simpleChain(identity, 'x') }
}

function fake(byte: number, size = 1): SignedEntity {
  return { ...profile(0), file: new Uint8Array(size).fill(byte) }
}

async function errorsOf(verdict: Promise<Verdict>): Promise<readonly string[]> {
  const told = await verdict
  return told.isGood ? [] : told.errors
}

test('what comes back of a thread is what the job says', async () => {
  verifier = new ThreadedVerifier({ clock: systemClock, threads: 2 })
  const profiles = Array.from({ length: 200 }, (_, n) => profile(n))
  const forged = profiles.map((signed, n) => (n % 7 === 0 ? stolen(signed) : signed))
  const told = await Promise.all(forged.map((signed) => verifier.verify(signed, signal)))
  const byHand = forged.map((signed) => verifyJob(signed, rules(ruleSettings)))
  expect(told).toEqual(byHand)
  expect(told.filter((verdict) => verdict.isGood).length).toBe(200 - Math.ceil(200 / 7))
})

test('other settings reach the threads', async () => {
  const far = { ...ruleSettings.dates, adr45: timestamp * 2 }
  verifier = new ThreadedVerifier({ clock: systemClock, settings: { ...ruleSettings, dates: far } })
  const bare = signedEntity({ identity, timestamp, type: 'profile', pointers: [identity.address] })
  await expect(verifier.verify(bare, signal)).resolves.toMatchObject({ isGood: true })
})

test.each([
  [1, 'took longer than 300 ms'],
  [2, 'broke the verifier'],
])('a submission that does %i is refused alone', async (harm, error) => {
  verifier = new ThreadedVerifier({ clock: systemClock, timeLimitMs: 300, script })
  const told = await Promise.all(
    [9, 8, harm, 7, harm, 6].map((byte) => errorsOf(verifier.verify(fake(byte), signal))),
  )
  expect(told.map(([first]) => first)).toEqual([
    '9',
    '8',
    expect.stringContaining(error),
    '7',
    expect.stringContaining(error),
    '6',
  ])
})

test('a message holds 64 submissions or 4 MB; what is bigger goes alone', async () => {
  verifier = new ThreadedVerifier({ clock: systemClock, script })
  const together = async (sizes: readonly number[]): Promise<number[]> => {
    const all = sizes.map((size) => errorsOf(verifier.verify(fake(9, size), signal)))
    return (await Promise.all(all)).map((errors) => Number(errors[1]))
  }
  // The first goes as soon as it comes, the others meet a busy thread.
  expect(await together([1, ...Array.from({ length: 70 }, () => 1)])).toEqual([
    1,
    ...Array.from({ length: 64 }, () => 64),
    ...Array.from({ length: 6 }, () => 6),
  ])
  expect(await together([1, 2_000_000, 2_000_000, 2_000_000, 5_000_000, 1])).toEqual([
    1, 2, 2, 1, 1, 1,
  ])
})

test('when it is closed nothing is told of what is under way, and nothing waits for ever', async () => {
  verifier = new ThreadedVerifier({ clock: systemClock, script })
  const waiting = [verifier.verify(fake(1), signal), verifier.verify(fake(9), signal)]
  const ends = Promise.allSettled(waiting)
  await verifier.close()
  const ended = expect.objectContaining({ code: 'verifier-ended' })
  expect((await ends).map((end) => (end.status === 'rejected' ? end.reason : null))).toEqual([
    ended,
    ended,
  ])
  await expect(verifier.verify(fake(9), signal)).rejects.toMatchObject({ code: 'verifier-ended' })
})

test('only so many wait', async () => {
  verifier = new ThreadedVerifier({ clock: systemClock, script })
  const submission = fake(1)
  const waiting = Array.from({ length: 10_001 }, () => verifier.verify(submission, signal))
  const ends = Promise.allSettled(waiting)
  await expect(verifier.verify(submission, signal)).rejects.toMatchObject({
    code: 'verifier-ended',
    message: expect.stringContaining('10000 others wait') as string,
  })
  await verifier.close()
  await ends
})

test('a signal ends the wait for one and for no other', async () => {
  verifier = new ThreadedVerifier({ clock: systemClock, script })
  const stop = new AbortController()
  const first = verifier.verify(fake(9), stop.signal)
  const second = verifier.verify(fake(8), stop.signal)
  const third = verifier.verify(fake(7), signal)
  stop.abort(new Error('enough'))
  await expect(first).rejects.toThrow('enough')
  await expect(second).rejects.toThrow('enough')
  await expect(errorsOf(third)).resolves.toEqual(['7', '1'])
})
