import { Buffer } from 'node:buffer'
import { createRequire } from 'node:module'
import { recoverAddressFromEthSignature } from '@dcl/crypto/dist/crypto.js'
import * as fc from 'fast-check'
import type * as Secp256k1 from 'secp256k1/bindings.js'
import { expect, test } from 'vitest'
import { makeIdentity } from '../../test/content/signer.ts'
import { addressOf, signatureKind } from './signatures.ts'

const somebody = makeIdentity(1)

/** The address as the reference finds it; null where it throws. */
function theirs(message: string, signature: string): string | null {
  try {
    return recoverAddressFromEthSignature(signature, message).toLowerCase()
  } catch {
    return null
  }
}

function ours(message: string, signature: string): string | null {
  try {
    return addressOf(message, signature)
  } catch {
    return null
  }
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

test('whoever signed is found, whatever the message and the form of v', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 200 }), fc.nat(), (message, seed) => {
      const signer = makeIdentity(seed)
      const signature = signer.sign(message)
      const v = Number.parseInt(signature.slice(130), 16)
      const digit = String(v - 27)
      for (const form of [
        signature,
        signature.slice(0, 130) + `0${digit}`,
        signature.slice(0, 130) + digit,
      ]) {
        expect(addressOf(message, form)).toBe(signer.address)
      }
    }),
    { numRuns: 100 },
  )
})

test('a message is as long as its bytes, and half a surrogate is a replacement character', () => {
  for (const message of ['', 'äöü', '🎵', 'a\ud800b', '\r\n\0']) {
    const signature = somebody.sign(message)
    expect(theirs(message, signature)).toBe(somebody.address)
    expect(ours(message, signature)).toBe(somebody.address)
  }
})

test('what is bent finds the same stranger as the reference does, or none in both', () => {
  const good = somebody.sign('message')
  const bent = [
    ...Array.from({ length: 60 }, (_, n) => {
      const bytes = Buffer.from(good.slice(2), 'hex')
      bytes[(n * 13) % 65] = (bytes[(n * 13) % 65] ?? 0) ^ (1 << (n % 8))
      return `0x${hex(bytes)}`
    }),
    ...[0, 1, 2, 3, 26, 27, 28, 29, 30, 31, 255].map(
      (v) => good.slice(0, 130) + v.toString(16).padStart(2, '0'),
    ),
    `0x${'00'.repeat(64)}1b`,
    `0x${'ff'.repeat(64)}1b`,
    `0x${'00'.repeat(32)}${good.slice(66)}`,
    `${good.slice(0, 66)}${'00'.repeat(32)}1b`,
    `0x${'00'.repeat(31)}01${'00'.repeat(31)}011b`,
    `0x${'00'.repeat(31)}05${'00'.repeat(31)}011b`,
    `0x${good.slice(2).toUpperCase()}`,
    good.slice(2),
    `0X${good.slice(2)}`,
    good.slice(0, -2),
    good.slice(0, -1),
    `${good}00`,
    `${good}\n`,
    ` ${good}`,
    `${good.slice(0, -1)}g`,
    '',
    '0x',
  ]
  for (const signature of bent) {
    expect(ours('message', signature), signature).toBe(theirs('message', signature))
  }
  expect(bent.filter((signature) => ours('message', signature) !== null).length).toBeGreaterThan(20)
})

test('the other half of s is taken as the reference takes it', () => {
  const order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n
  const good = somebody.sign('message')
  const s = (order - BigInt(`0x${good.slice(66, 130)}`)).toString(16).padStart(64, '0')
  const high = `${good.slice(0, 66)}${s}${good.endsWith('1b') ? '1c' : '1b'}`
  expect(theirs('message', high)).toBe(somebody.address)
  expect(ours('message', high)).toBe(somebody.address)
})

test('the native form is loaded here, and the plain one says the same', () => {
  expect(signatureKind).toBe('native')
  const load = createRequire(import.meta.url)
  const [native, plain] = ['bindings', 'elliptic'].map(
    (name) => load(`secp256k1/${name}.js`) as typeof Secp256k1,
  )
  const digest = Buffer.alloc(32, 7)
  for (let seed = 0; seed < 20; seed++) {
    const signed = native?.ecdsaSign(digest, makeIdentity(seed).privateKey)
    if (signed === undefined) throw new Error('The native form is not there.')
    for (const recid of [0, 1]) {
      const keys = [native, plain].map((curve) =>
        curve?.ecdsaRecover(signed.signature, recid, digest, false),
      )
      expect(keys[0]).toEqual(keys[1])
    }
  }
})
