import { catalystAbi } from '@dcl/catalyst-contracts'
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest'
import { compile, type Ethereum, startEthereum } from '../../../test/content/ethereum.ts'
import { type Fields, silentLog } from '../../base/log.ts'
import { daoContracts, DaoPeers } from './dao-peers.ts'

/** The three functions as the DAO's contract has them, and ways to have it say anything. */
const source = `
// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.0;
contract Servers {
  struct Server { bytes32 id; address owner; string domain; uint256 startTime; uint256 endTime; }
  bytes32[] public catalystIds;
  mapping(bytes32 => Server) public catalystById;
  uint256 public catalystCount;

  function add(string calldata domain) external {
    bytes32 id = keccak256(abi.encode(domain, catalystIds.length));
    catalystIds.push(id);
    catalystById[id] = Server(id, msg.sender, domain, block.timestamp, 0);
    catalystCount = catalystIds.length;
  }
  function claim(uint256 count) external { catalystCount = count; }
  function mixUp(uint256 one, uint256 other) external { catalystIds[one] = catalystIds[other]; catalystById[catalystIds[one]].id = 0; }
}`

const never = new AbortController().signal
const servers = compile(source).get('Servers')
if (servers === undefined) throw new Error('no contract')
const { selectors } = servers
let ethereum: Ethereum

beforeAll(async () => {
  ethereum = await startEthereum(1_700_000_000)
})

afterAll(() => ethereum.close())

describe("the DAO's contract on a chain", () => {
  it('names the servers with a safe address, each at /content', async () => {
    const contract = await deployed('peer.a.example', 'http://b.example', 'HTTPS://C.example/')
    expect(await urlsOf(contract)).toEqual([
      'https://peer.a.example/content',
      'https://c.example/content',
    ])
    const [first] = await new DaoPeers({ rpc: ethereum.rpc, contract, log: silentLog }).read(never)
    expect(first?.isOperators).toBe(false)
  })

  it('may name none', async () => {
    expect(await urlsOf(await deployed())).toEqual([])
  })

  it('names more than are asked for at once, in its order', async () => {
    const names = Array.from({ length: 19 }, (_, n) => `p${n}.example`)
    expect(await urlsOf(await deployed(...names))).toEqual(
      names.map((name) => `https://${name}/content`),
    )
  })

  it('leaves out domains that are none, and says how many', async () => {
    const lines: Fields[] = []
    const contract = await deployed(
      ' https://a.example/content ',
      'HTTP://b.example',
      'ftp://c.example',
      '',
      'me:secret@d.example',
      'e.example/?x',
      `${'f'.repeat(512)}.example`,
      'g.example:8443/sub/',
      'h h',
      'javascript:alert(1)',
    )
    const log = { ...silentLog, warn: (fields: Fields) => lines.push(fields) }
    const peers = await new DaoPeers({ rpc: ethereum.rpc, contract, log }).read(never)
    expect(peers.map(({ url }) => url)).toEqual([
      'https://a.example/content',
      'https://g.example:8443/sub/content',
    ])
    expect(lines).toEqual([{ list: `contract ${contract}`, unusable: 8 }])
  })

  test.each([
    ['more than 1,000', 1_001n],
    ['more than fit into a number', 2n ** 256n - 1n],
  ])('is refused that has %s servers', async (_, count) => {
    const contract = await deployed('a.example')
    await ethereum.send(contract, `0x${selectors['claim(uint256)']}${word(count)}`)
    await expect(urlsOf(contract)).rejects.toMatchObject({ code: 'protocol' })
  })

  it('is refused whole when one of its servers cannot be had', async () => {
    const contract = await deployed('a.example', 'b.example')
    await ethereum.send(contract, `0x${selectors['claim(uint256)']}${word(3n)}`)
    await expect(urlsOf(contract)).rejects.toMatchObject({
      code: 'unavailable',
    })
  })

  it('is refused where it tells of another server than was asked for', async () => {
    const contract = await deployed('a.example', 'b.example')
    await ethereum.send(contract, `0x${selectors['mixUp(uint256,uint256)']}${word(0n)}${word(1n)}`)
    await expect(urlsOf(contract)).rejects.toMatchObject({ code: 'protocol' })
  })

  it('is called by 0x and 40 digits', () => {
    expect(() => new DaoPeers({ rpc: ethereum.rpc, contract: 'mainnet', log: silentLog })).toThrow(
      expect.objectContaining({ code: 'bad-input' }),
    )
  })

  it('is not there: the network is the wrong one', async () => {
    const nowhere = `0x${'12'.repeat(20)}`
    await expect(urlsOf(nowhere)).rejects.toThrow(/JSON-RPC server on the network/)
  })
})

it('asks what the published interface of the contract has', () => {
  const published = catalystAbi
    .filter(({ type }) => type === 'function')
    .map(({ name, inputs }) => `${name}(${inputs.map(({ type }) => type).join(',')})`)
  for (const method of ['catalystCount()', 'catalystIds(uint256)', 'catalystById(bytes32)']) {
    expect(published).toContain(method)
    expect(selectors).toHaveProperty([method])
  }
  const byId = catalystAbi.find(({ name }) => name === 'catalystById')
  const outputs = byId !== undefined && 'outputs' in byId ? (byId.outputs ?? []) : []
  expect(outputs.map(({ type }) => type).slice(0, 3)).toEqual(['bytes32', 'address', 'string'])
  expect(daoContracts.mainnet).toBe('0x4a2f10076101650f40342885b99b6b101d83c486')
})

async function urlsOf(contract: string): Promise<readonly string[]> {
  const peers = await new DaoPeers({ rpc: ethereum.rpc, contract, log: silentLog }).read(never)
  return peers.map(({ url }) => url)
}

/** The address of a new contract with these servers. */
async function deployed(...domains: readonly string[]): Promise<string> {
  const contract = await ethereum.deploy(servers!)
  for (const domain of domains) {
    const bytes = Buffer.from(domain).toString('hex')
    const padded = bytes.padEnd(Math.ceil(bytes.length / 64) * 64, '0')
    const words = word(32n) + word(BigInt(bytes.length / 2)) + padded
    await ethereum.send(contract, `0x${selectors['add(string)']}${words}`)
  }
  return contract
}

function word(value: bigint): string {
  return value.toString(16).padStart(64, '0')
}
