import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { entityTypes } from '../content/entity.ts'
import { readConfig, type Given } from './config.ts'
import type { ContentConfig } from './content-options.ts'

function content(given: Given, environment: NodeJS.ProcessEnv = {}): ContentConfig | null {
  return readConfig({ content: 'on', ...given }, environment).content
}

test('a server is a content node only where that is said', () => {
  expect(readConfig({}, {}).content).toBeNull()
  for (const off of ['', '0', 'false', 'off', 'no']) {
    expect(readConfig({}, { ROUNDELAY_CONTENT: off }).content).toBeNull()
  }
  expect(readConfig({}, { ROUNDELAY_CONTENT: '1' }).content).not.toBeNull()
  // What is not asked for is not read.
  expect(readConfig({ types: 'nonsense' }, {}).content).toBeNull()
})

test('what is not said is as the network has it', () => {
  expect(content({})).toEqual({
    peers: [],
    peersUrl: null,
    peersDao: null,
    rpcUrl: null,
    url: null,
    path: '/content',
    types: new Set(entityTypes),
    isFirst: false,
    slots: 8,
    fetches: 48,
    verifiers: 1,
    pollMs: 5_000,
    snapshotsMs: 21_600_000,
    keepDeadMs: 30 * 86_400_000,
    isLimited: true,
  })
})

test('what is said is taken', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'content-options-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const rpcUrlFile = join(folder, 'rpc')
  await writeFile(rpcUrlFile, 'https://rpc.example/secret\n')
  const given = {
    peers: 'https://a.example/content, https://b.example/content',
    peersUrl: 'https://list.example',
    peersDao: 'sepolia',
    rpcUrlFile,
    contentUrl: 'https://me.example/content',
    contentPath: '/a/b/',
    types: 'scene,wearable',
    firstNode: 'on',
    slotsPeer: '3',
    fetches: '5',
    verifiers: '2',
    pollEvery: '1s',
    snapshotsEvery: '1h',
    keepDead: '3650d',
    rateLimit: 'off',
  }
  expect(content(given)).toEqual({
    peers: ['https://a.example/content', 'https://b.example/content'],
    peersUrl: 'https://list.example',
    peersDao: 'sepolia',
    rpcUrl: 'https://rpc.example/secret',
    url: 'https://me.example/content',
    path: '/a/b',
    types: new Set(['scene', 'wearable']),
    isFirst: true,
    slots: 3,
    fetches: 5,
    verifiers: 2,
    pollMs: 1_000,
    snapshotsMs: 3_600_000,
    keepDeadMs: 3_650 * 86_400_000,
    isLimited: false,
  })
  expect(content({ contentPath: '/' })?.path).toBe('')
  expect(content({}, { ROUNDELAY_RPC_URL: 'https://env.example' })?.rpcUrl).toBe(
    'https://env.example',
  )
})

const wrong: readonly (readonly [Given, string])[] = [
  [{ types: 'scene,house' }, '--types is of scene, profile'],
  [{ types: ',' }, '--types names at least one kind'],
  [{ contentUrl: 'me.example.org' }, 'Write it like https://me.example.org/content.'],
  [{ contentPath: 'content' }, '--content-path is a path such as /content'],
  [{ contentPath: '/a?b' }, '--content-path'],
  [{ contentPath: '/a//b' }, '--content-path'],
  [{ contentPath: '/api/content' }, 'would hide what is there'],
  [{ contentPath: '/metrics' }, 'would hide what is there'],
  [{ slotsPeer: '0' }, '--slots-peer'],
  [{ fetches: 'all' }, '--fetches'],
  [{ verifiers: '65' }, '--verifiers'],
  [{ pollEvery: '0s' }, 'not "0s"'],
  [{ snapshotsEvery: '6' }, 'not "6"'],
  [{ keepDead: '4000d' }, 'not "4000d"'],
  [{ rateLimit: 'none' }, '--rate-limit is one of network, off'],
  [{ peersDao: 'mainnet' }, '--peers-dao needs an Ethereum node: --rpc-url-file'],
  [{ peersDao: 'main' }, '--peers-dao is mainnet, sepolia or the address of a contract'],
  [{ rpcUrlFile: '/nowhere/at/all' }, 'The Ethereum node file'],
]

test.each(wrong)('%j is refused', (given, message) => {
  expect(() => content(given)).toThrow(
    expect.objectContaining({ code: 'bad-input', message: expect.stringContaining(message) }),
  )
})
