import { expect, test } from 'vitest'
import type { Deployment } from '../entity.ts'
import { ownershipOff } from './ownership.ts'

test('where ownership is off everybody owns what he says', async () => {
  const deployment: Deployment = {
    entityId: 'bafy',
    type: 'scene',
    pointers: ['0,0'],
    timestamp: 1,
    deployer: '0x',
    version: 'v3',
    content: [],
    authChain: '[]',
    metadata: null,
    isComplete: true,
    file: new Uint8Array(),
  }
  expect(await ownershipOff.errors(deployment, new AbortController().signal)).toEqual([])
})
