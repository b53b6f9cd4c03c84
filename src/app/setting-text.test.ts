import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { durationMs, list, oneOf, secretOf, whole } from './setting-text.ts'

const badInput = (message: string) =>
  expect.objectContaining({ code: 'bad-input', message: expect.stringContaining(message) })

test('times have a number and a unit, and bounds', () => {
  expect(['90s', '15m', '6h', '1d'].map((text) => durationMs(text))).toEqual([
    90_000, 900_000, 21_600_000, 86_400_000,
  ])
  expect(durationMs('10s')).toBe(10_000)
  expect(durationMs('30d')).toBe(30 * 86_400_000)
  expect(durationMs('1s', { least: '1s' })).toBe(1_000)
  expect(durationMs('3650d', { most: '3650d' })).toBe(3_650 * 86_400_000)
  for (const text of ['', '6', 'h', '6 h', '-6h', '1.5h', '6H', '9s', '31d', '9999999s', '6h6m']) {
    expect(() => durationMs(text), text).toThrow(badInput(`(10s to 30d), not "${text}"`))
  }
})

test('numbers are whole, and within bounds', () => {
  const bounds = { least: 1, most: 64 }
  expect([whole('1', 'x', bounds), whole('64', 'x', bounds)]).toEqual([1, 64])
  for (const text of ['', ' ', '0', '65', '1.5', 'many', '-1', 'Infinity']) {
    expect(() => whole(text, 'verifiers', bounds), text).toThrow(
      badInput('--verifiers is a whole number from 1 to 64'),
    )
  }
})

test('lists have no empty parts, choices are those that there are', () => {
  expect(list(' a, b,,c ,')).toEqual(['a', 'b', 'c'])
  expect(list('')).toEqual([])
  expect(oneOf('off', 'rate-limit', ['network', 'off'])).toBe('off')
  expect(() => oneOf('Off', 'rate-limit', ['network', 'off'])).toThrow(
    badInput('--rate-limit is one of network, off, not "Off"'),
  )
})

test('a secret comes from the environment, else from a file, and is told by no message', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'secret-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const file = join(folder, 'file')
  await writeFile(file, ' hidden\n')
  expect(secretOf('open', file, 'token')).toBe('open')
  expect(secretOf('', file, 'token')).toBe('hidden')
  expect(secretOf(undefined, '', 'token')).toBeNull()
  expect(() => secretOf(undefined, folder, 'token')).toThrow(badInput(`The token file ${folder}`))
})
