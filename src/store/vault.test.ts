import { randomBytes } from 'node:crypto'
import { expect, it } from 'vitest'
import { Vault, type SecretContext } from './vault.ts'

const context: SecretContext = { ownerId: 1, sourceId: 2, field: 'password' }
const badKey = expect.objectContaining({ code: 'bad-key' })

it('opens what it sealed, whatever the text', () => {
  const vault = new Vault({ keys: [randomBytes(32)] })
  for (const plain of ['', 'secret', 'pässwörd ☂ \0', 'x'.repeat(100_000)]) {
    expect(vault.open(vault.seal(plain, context), context)).toBe(plain)
  }
})

it('seals the same text differently each time, and shows nothing of it', () => {
  const vault = new Vault({ keys: [randomBytes(32)] })
  const [one, other] = [vault.seal('secret', context), vault.seal('secret', context)]
  expect(one.equals(other)).toBe(false)
  expect(one.subarray(9).equals(other.subarray(9))).toBe(false)
  expect(one.includes('secret')).toBe(false)
})

it('opens a secret only for the owner, the source and the field it was sealed for', () => {
  const vault = new Vault({ keys: [randomBytes(32)] })
  const sealed = vault.seal('secret', context)
  for (const other of [{ ownerId: 9 }, { sourceId: 9 }, { field: 'token' }]) {
    expect(() => vault.open(sealed, { ...context, ...other })).toThrow(badKey)
  }
})

it('refuses a secret with any one bit turned, cut short, or made longer', () => {
  const vault = new Vault({ keys: [randomBytes(32)] })
  const sealed = vault.seal('secret', context)
  for (let i = 0; i < sealed.length; i++) {
    const turned = Buffer.from(sealed)
    turned[i] = (turned[i] ?? 0) ^ 1
    expect(() => vault.open(turned, context), `byte ${i}`).toThrow(badKey)
    expect(() => vault.open(sealed.subarray(0, i), context), `${i} bytes`).toThrow(badKey)
  }
  expect(() => vault.open(Buffer.concat([sealed, Buffer.from([0])]), context)).toThrow(badKey)
})

it('seals with the first key and opens with all, so that a key can be retired', () => {
  const [old, next] = [randomBytes(32), randomBytes(32)]
  const sealed = new Vault({ keys: [old] }).seal('secret', context)
  const both = new Vault({ keys: [next, old] })
  expect(both.open(sealed, context)).toBe('secret')
  expect(both.isCurrent(sealed)).toBe(false)
  const again = both.seal('secret', context)
  expect(both.isCurrent(again)).toBe(true)
  expect(new Vault({ keys: [next] }).open(again, context)).toBe('secret')
  expect(() => new Vault({ keys: [next] }).open(sealed, context)).toThrow(badKey)
})
