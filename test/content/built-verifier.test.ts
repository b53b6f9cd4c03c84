import { afterAll, expect, test } from 'vitest'
import { systemClock } from '../../src/base/clock.ts'
import { ThreadedVerifier } from '../../src/content/verifier.ts'
import {
  makeIdentity,
  signedEmote,
  signedOutfits,
  signedProfile,
  signedScene,
  signedStore,
  signedWearable,
} from './signer.ts'

/** The thread of the command as users run it: bundled, with its schemas inside (ADR 8). */
const script = new URL('../../dist/command/verify-worker.js', import.meta.url)
const verifier = new ThreadedVerifier({ clock: systemClock, script })
const { signal } = new AbortController()

afterAll(() => verifier.close())

test.each([
  ['profile', signedProfile],
  ['scene', signedScene],
  ['wearable', signedWearable],
  ['emote', signedEmote],
  ['outfits', signedOutfits],
  ['store', signedStore],
] as const)('the bundled thread knows a good %s', async (_, make) => {
  const signed = make({ identity: makeIdentity(1), timestamp: 1_795_288_697_295 })
  await expect(verifier.verify(signed, signal)).resolves.toMatchObject({
    isGood: true,
    lateErrors: [],
  })
  const forged = { ...signed, authChain: signed.authChain.slice(0, 2) }
  await expect(verifier.verify(forged, signal)).resolves.toMatchObject({ isGood: false })
})
