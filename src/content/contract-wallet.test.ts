import { Buffer } from 'node:buffer'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createRequire } from 'node:module'
import { Authenticator } from '@dcl/crypto'
import type * as Secp256k1 from 'secp256k1/bindings.js'
import { HTTPProvider } from 'eth-connect'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  compile,
  type Contract,
  type Ethereum,
  startEthereum,
} from '../../test/content/ethereum.ts'
import { ephemeralPayload, type Identity, makeIdentity } from '../../test/content/signer.ts'
import { systemClock } from '../base/clock.ts'
import { permitting, publicOnly } from '../base/remote/address-policy.ts'
import { parseEndpoint } from '../base/remote/endpoint.ts'
import { RemoteHost } from '../base/remote/remote-host.ts'
import { checkAuthChain } from './auth-chain.ts'
import { ContractWallets, noWallets } from './contract-wallet.ts'
import type { AuthChain } from './entity.ts'
import { HttpJsonRpc, type JsonRpc } from './json-rpc.ts'
import { plainDigest } from './signatures.ts'
import type { WalletQuestion } from './verification.ts'

const source = `
// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.0;

contract Wallet {
  address owner;
  constructor(address first) { owner = first; }
  function hand(address next) external { owner = next; }
  function signer(bytes32 digest, bytes calldata signature) internal pure returns (address) {
    return ecrecover(digest, uint8(signature[64]), bytes32(signature[0:32]), bytes32(signature[32:64]));
  }
  function isValidSignature(bytes32 digest, bytes calldata signature)
    external view virtual returns (bytes4)
  {
    return signer(digest, signature) == owner ? bytes4(0x1626ba7e) : bytes4(0xffffffff);
  }
}

contract Strict is Wallet {
  constructor(address first) Wallet(first) {}
  function isValidSignature(bytes32 digest, bytes calldata signature)
    external view override returns (bytes4)
  {
    require(signer(digest, signature) == owner, "not mine");
    return 0x1626ba7e;
  }
}

contract Approving {
  bytes32 approved;
  constructor(bytes32 digest) { approved = digest; }
  function isValidSignature(bytes32 digest, bytes calldata signature) external view returns (bytes4) {
    return signature.length == 0 && digest == approved ? bytes4(0x1626ba7e) : bytes4(0);
  }
}

contract Other {}
`

const { signal } = new AbortController()
const start = 1_700_000_000
const owner = makeIdentity(1)
const heir = makeIdentity(2)
const message = 'bafkreibm6jg3ux5qumhcn2b3flc3tyu6dmlb4xa7u5bf44yegnrjhc4yeq'
let contracts: ReadonlyMap<string, Contract>
let ethereum: Ethereum
let wallets: ContractWallets

beforeAll(async () => {
  contracts = compile(source)
  ethereum = await startEthereum(start)
  wallets = new ContractWallets(ethereum.rpc)
})

afterAll(() => ethereum.close())

function contract(name: string): Contract {
  const found = contracts.get(name)
  if (found === undefined) throw new Error(`There is no contract ${name}.`)
  return found
}

function word(address: string): string {
  return address.slice(2).padStart(64, '0')
}

/** Without the wallet's prefix. */
function signPlain(by: Identity, text: string): string {
  const curve = createRequire(import.meta.url)('secp256k1/bindings.js') as typeof Secp256k1
  const { signature, recid } = curve.ecdsaSign(plainDigest(text), by.privateKey)
  return `0x${Buffer.from(signature).toString('hex')}${recid === 0 ? '1b' : '1c'}`
}

function question(address: string, signature: string, atMs = start * 1_000): WalletQuestion {
  return { address, linkType: 'ECDSA_EIP_1654_SIGNED_ENTITY', message, signature, atMs }
}

async function isGood(asked: WalletQuestion): Promise<boolean> {
  return (await wallets.errorsOf([asked], signal)).length === 0
}

const refusal =
  'The signature is invalid. ERROR. Link type: ECDSA_EIP_1654_SIGNED_ENTITY. Invalid validation. Expected: 1626ba7e. Actual: false.'

describe('a contract that runs in an EVM', () => {
  test.each(['Wallet', 'Strict'])(
    '%s vouches for its owner, in both forms, and for nobody else',
    async (name) => {
      const address = await ethereum.deploy(contract(name), [word(owner.address)])
      expect(await isGood(question(address, owner.sign(message)))).toBe(true)
      expect(await isGood(question(address, signPlain(owner, message)))).toBe(true)
      expect(await wallets.errorsOf([question(address, heir.sign(message))], signal)).toEqual([
        refusal,
      ])
      expect(await isGood(question(address, owner.sign('something else')))).toBe(false)
      // Too short: the contract fails.
      expect(await isGood(question(address, '0x00'))).toBe(false)
    },
  )

  test('one may vouch for what it approved itself, by an empty signature', async () => {
    const digest = Buffer.from(plainDigest(message)).toString('hex')
    const address = await ethereum.deploy(contract('Approving'), [digest])
    expect(await isGood(question(address, '0x'))).toBe(true)
    expect(await isGood(question(address, '0x00'))).toBe(false)
  })

  test('nobody vouches where there is no wallet', async () => {
    const other = await ethereum.deploy(contract('Other'))
    expect(await isGood(question(other, owner.sign(message)))).toBe(false)
    expect(await isGood(question(owner.address, owner.sign(message)))).toBe(false)
  })

  test('an owner of then is asked about at the last block of then', async () => {
    await ethereum.mine(start + 5_000)
    const address = await ethereum.deploy(contract('Wallet'), [word(owner.address)])
    for (let n = 0; n < 40; n++) await ethereum.mine(start + 10_000 + n * 100)
    await ethereum.mine(start + 1_000_000)
    const hand = contract('Wallet').selectors['hand(address)'] ?? ''
    const handedMs = await ethereum.send(address, `0x${hand}${word(heir.address)}`)
    for (let n = 0; n < 40; n++) await ethereum.mine(start + 1_010_000 + n * 100)
    const byOwner = (ms: number): Promise<boolean> =>
      isGood(question(address, owner.sign(message), ms))
    expect(await byOwner((start + 12_000) * 1_000 + 50)).toBe(true)
    expect(await byOwner((start + 999_999) * 1_000)).toBe(true)
    expect(await byOwner(handedMs)).toBe(false)
    expect(await byOwner((start + 1_012_000) * 1_000)).toBe(false)
    expect(await byOwner((start + 9_000_000) * 1_000)).toBe(false)
    // Before the contract, and before the chain.
    expect(await byOwner((start + 4_000) * 1_000)).toBe(false)
    expect(await byOwner(1)).toBe(false)
    expect(await isGood(question(address, heir.sign(message), 1))).toBe(true)
  })

  test('whole chains, as @dcl/crypto judges them', async () => {
    const address = await ethereum.deploy(contract('Strict'), [word(owner.address)])
    const atMs = (start + 20_000) * 1_000
    const payload = ephemeralPayload(heir.address, atMs + 1)
    const chain = (by: Identity): AuthChain => [
      { type: 'SIGNER', payload: address, signature: '' },
      { type: 'ECDSA_EIP_1654_EPHEMERAL', payload, signature: by.sign(payload) },
      { type: 'ECDSA_SIGNED_ENTITY', payload: message, signature: heir.sign(message) },
    ]
    const simple = (by: Identity): AuthChain => [
      { type: 'SIGNER', payload: address, signature: '' },
      { type: 'ECDSA_EIP_1654_SIGNED_ENTITY', payload: message, signature: signPlain(by, message) },
    ]
    const provider = new HTTPProvider(ethereum.url)
    for (const [links, expected] of [
      [chain(owner), true],
      [chain(heir), false],
      [simple(owner), true],
      [simple(heir), false],
    ] as const) {
      const verdict = checkAuthChain(links, message, atMs)
      if (!verdict.isGood) throw new Error(verdict.error)
      const ours = await wallets.errorsOf(verdict.questions, signal)
      const theirs = await Authenticator.validateSignature(message, links as never, provider, atMs)
      expect([ours.length === 0, theirs.ok]).toEqual([expected, expected])
    }
  })
})

test('without a chain nobody vouches, and nobody is asked where there is no question', async () => {
  expect(await noWallets.errorsOf([question(owner.address, '0x')], signal)).toEqual([
    'The signature is invalid. ERROR. Link type: ECDSA_EIP_1654_SIGNED_ENTITY. Missing provider.',
  ])
  expect(await noWallets.errorsOf([], signal)).toEqual([])
})

describe('a server that does not say', () => {
  const serve = async (
    status: number,
    body: string,
  ): Promise<AsyncDisposable & { rpc: JsonRpc }> => {
    const server = createServer(({ url }, response) =>
      response.writeHead(url === '/v3/secret?key=secret' ? status : 404).end(body),
    )
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve)
    })
    const { port } = server.address() as AddressInfo
    const endpoint = parseEndpoint(`http://127.0.0.1:${port}/v3/secret`)
    const policy = permitting(publicOnly, '127.0.0.1', port)
    const host = new RemoteHost({ endpoint, policy, clock: systemClock })
    return {
      rpc: new HttpJsonRpc({ host, query: '?key=secret' }),
      [Symbol.asyncDispose]: async () => {
        await host.close()
        server.close()
      },
    }
  }

  test.each([
    [
      200,
      '{"jsonrpc":"2.0","id":1,"error":{"code":-32005,"message":"limit exceeded"}}',
      'rate-limited',
    ],
    [
      200,
      '{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"no such method"}}',
      'unavailable',
    ],
    [200, '{"jsonrpc":"2.0","id":1,"error":"no"}', 'unavailable'],
    [200, '{"jsonrpc":"2.0","id":1}', 'protocol'],
    [200, 'null', 'protocol'],
    [200, '<html>', 'protocol'],
    [200, `"${'x'.repeat(1_100_000)}"`, 'protocol'],
    [429, '', 'rate-limited'],
    [503, '', 'unavailable'],
  ])('%i, answer %#', async (status, body, code) => {
    await using server = await serve(status, body)
    const failure = await server.rpc
      .call('eth_chainId', [], signal)
      .catch((error: unknown) => error)
    expect(failure).toMatchObject({ code })
    expect(String(failure)).not.toContain('secret')
    const asked = new ContractWallets(server.rpc).errorsOf([question(owner.address, '0x')], signal)
    await expect(asked).rejects.toMatchObject({ code: 'verifier-ended' })
  })

  test('a block without its time is no block', async () => {
    await using server = await serve(200, '{"jsonrpc":"2.0","id":1,"result":{"number":"0x1"}}')
    const asked = new ContractWallets(server.rpc).errorsOf([question(owner.address, '0x')], signal)
    await expect(asked).rejects.toMatchObject({ code: 'verifier-ended' })
  })

  test('a signal ends the wait', async () => {
    const stop = new AbortController()
    const never: JsonRpc = {
      call: (_, __, { reason }) => {
        stop.abort(new Error('enough'))
        return Promise.reject(reason ?? new Error('called off'))
      },
    }
    const asked = new ContractWallets(never).errorsOf([question(owner.address, '0x')], stop.signal)
    await expect(asked).rejects.toThrow('called off')
  })
})
