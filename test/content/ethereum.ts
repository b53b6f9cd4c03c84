import Ganache from 'ganache'
import solc from 'solc'
import { systemClock } from '../../src/base/clock.ts'
import { permitting, publicOnly } from '../../src/base/remote/address-policy.ts'
import { parseEndpoint } from '../../src/base/remote/endpoint.ts'
import { RemoteHost } from '../../src/base/remote/remote-host.ts'
import { HttpJsonRpc } from '../../src/content/json-rpc.ts'

/** A blockchain of one machine: Ganache's EVM behind its own JSON-RPC server. */
export interface Ethereum {
  readonly rpc: HttpJsonRpc
  readonly url: string
  /** Mines a block at this time, in seconds since 1970. */
  mine(seconds: number): Promise<void>
  /** Puts a contract there, with words of 32 bytes in hex as its arguments; gives its address. */
  deploy(contract: Contract, words?: readonly string[]): Promise<string>
  /** Calls a function of a contract as its owner would, by its selector and arguments in hex; gives the time of its block, in milliseconds. */
  send(to: string, data: string): Promise<number>
  close(): Promise<void>
}

export interface Contract {
  /** In hex, without `0x`. */
  readonly bytecode: string
  /** Selectors of its functions by signature, 8 digits. */
  readonly selectors: Readonly<Record<string, string>>
}

export async function startEthereum(startSeconds: number): Promise<Ethereum> {
  const server = Ganache.server({
    logging: { quiet: true },
    chain: { time: new Date(startSeconds * 1_000), hardfork: 'london' },
    wallet: { totalAccounts: 1, seed: 'roundelay' },
  })
  await server.listen(0, '127.0.0.1')
  const { port } = server.address()
  const url = `http://127.0.0.1:${port}`
  const { provider } = server
  const [from] = await provider.request({ method: 'eth_accounts', params: [] })
  if (from === undefined) throw new Error('There is no account.')
  const policy = permitting(publicOnly, '127.0.0.1', port)
  const host = new RemoteHost({ endpoint: parseEndpoint(url), policy, clock: systemClock })
  const transact = async (transaction: { to?: string; data: string }): Promise<string | null> => {
    const parts = { from, gas: '0x5b8d80', ...transaction }
    const hash = await provider.request({ method: 'eth_sendTransaction', params: [parts] })
    const receipt = await provider.request({ method: 'eth_getTransactionReceipt', params: [hash] })
    return receipt.contractAddress ?? null
  }
  return {
    rpc: new HttpJsonRpc({ host }),
    url,
    mine: async (seconds) => {
      await provider.request({ method: 'evm_mine', params: [seconds] })
    },
    deploy: async ({ bytecode }, words = []) => {
      const address = await transact({ data: `0x${bytecode}${words.join('')}` })
      if (address === null) throw new Error('The contract was not put there.')
      return address
    },
    send: async (to, data) => {
      await transact({ to, data })
      const params = ['latest', false] as ['latest', false]
      const block = await provider.request({ method: 'eth_getBlockByNumber', params })
      // Its types leave the time out.
      return Number((block as unknown as { timestamp: string }).timestamp) * 1_000
    },
    close: async () => {
      await host.close()
      await server.close()
    },
  }
}

interface Compiled {
  readonly errors?: readonly { readonly severity: string; readonly formattedMessage: string }[]
  readonly contracts?: Readonly<
    Record<
      string,
      Readonly<
        Record<
          string,
          {
            readonly evm: {
              readonly bytecode: { readonly object: string }
              readonly methodIdentifiers: Readonly<Record<string, string>>
            }
          }
        >
      >
    >
  >
}

/** Contracts of a source in Solidity, by their names. */
export function compile(source: string): ReadonlyMap<string, Contract> {
  const input = {
    language: 'Solidity',
    sources: { source: { content: source } },
    settings: {
      evmVersion: 'london',
      outputSelection: { '*': { '*': ['evm.bytecode.object', 'evm.methodIdentifiers'] } },
    },
  }
  const { errors = [], contracts = {} } = JSON.parse(
    solc.compile(JSON.stringify(input)),
  ) as Compiled
  const broken = errors.filter(({ severity }) => severity === 'error')
  if (broken.length > 0) throw new Error(broken.map((each) => each.formattedMessage).join('\n'))
  return new Map(
    Object.entries(contracts['source'] ?? {}).map(([name, { evm }]) => [
      name,
      { bytecode: evm.bytecode.object, selectors: evm.methodIdentifiers },
    ]),
  )
}
