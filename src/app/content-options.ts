import { asSyncError, SyncError } from '../base/errors.ts'
import { entityTypes, isEntityType, type EntityType } from '../content/entity.ts'
import { peerUrl } from '../content/peers/peer-list.ts'
import type { Option } from './config.ts'
import { durationMs, list, oneOf, secretOf, whole } from './setting-text.ts'

/** Settings of a content node. */
export const contentOptions = {
  content: {
    flag: 'content',
    value: '',
    variable: 'ROUNDELAY_CONTENT',
    preset: '',
    concerns: 'serve',
    text: 'is a content node, too: takes deployments, serves content, keeps up with its peers',
  },
  peers: {
    flag: 'peers',
    value: 'list',
    variable: 'ROUNDELAY_PEERS',
    preset: '',
    concerns: 'serve',
    text: 'content nodes to keep up with, separated by commas: https://a.example/content; they may be on a private network',
  },
  peersUrl: {
    flag: 'peers-url',
    value: 'address',
    variable: 'ROUNDELAY_PEERS_URL',
    preset: '',
    concerns: 'serve',
    text: 'where a list of peers is to be had, as a JSON array',
  },
  peersDao: {
    flag: 'peers-dao',
    value: 'network',
    variable: 'ROUNDELAY_PEERS_DAO',
    preset: '',
    concerns: 'serve',
    text: "takes the peers of the DAO's contract: mainnet, sepolia or the address of a contract; needs an Ethereum node",
  },
  rpcUrlFile: {
    flag: 'rpc-url-file',
    value: 'file',
    variable: 'ROUNDELAY_RPC_URL_FILE',
    preset: '',
    concerns: 'serve',
    text: 'file that holds the address of an Ethereum node (ROUNDELAY_RPC_URL holds it as well): for contract wallets and the DAO',
  },
  contentUrl: {
    flag: 'content-url',
    value: 'address',
    variable: 'ROUNDELAY_CONTENT_URL',
    preset: '',
    concerns: 'serve',
    text: 'where others find this node, so that it does not follow itself',
  },
  contentPath: {
    flag: 'content-path',
    value: 'path',
    variable: 'ROUNDELAY_CONTENT_PATH',
    preset: '/content',
    concerns: 'serve',
    text: 'what the paths of the content API begin with',
  },
  types: {
    flag: 'types',
    value: 'list',
    variable: 'ROUNDELAY_TYPES',
    preset: entityTypes.join(','),
    concerns: 'serve',
    text: 'kinds of entities that this node holds; where the list grows, what is missing is taken up',
  },
  firstNode: {
    flag: 'first-node',
    value: '',
    variable: 'ROUNDELAY_FIRST_NODE',
    preset: '',
    concerns: 'serve',
    text: 'takes deployments though no peer could be caught up with yet: for the first node of a network',
  },
  slotsPeer: {
    flag: 'slots-peer',
    value: 'number',
    variable: 'ROUNDELAY_SLOTS_PEER',
    preset: '8',
    concerns: 'serve',
    text: 'steps of peers taken at the same time: a page of changes, a part of a snapshot',
  },
  fetches: {
    flag: 'fetches',
    value: 'number',
    variable: 'ROUNDELAY_FETCHES',
    preset: '48',
    concerns: 'serve',
    text: 'pieces of content fetched from peers at the same time',
  },
  verifiers: {
    flag: 'verifiers',
    value: 'number',
    variable: 'ROUNDELAY_VERIFIERS',
    preset: '1',
    concerns: 'serve',
    text: 'threads that check signatures',
  },
  pollEvery: {
    flag: 'poll-every',
    value: 'time',
    variable: 'ROUNDELAY_POLL_EVERY',
    preset: '5s',
    concerns: 'serve',
    text: 'peers are asked for changes so often; one of our own kind tells at once',
  },
  snapshotsEvery: {
    flag: 'snapshots-every',
    value: 'time',
    variable: 'ROUNDELAY_SNAPSHOTS_EVERY',
    preset: '6h',
    concerns: 'serve',
    text: 'snapshots are written anew so often',
  },
  keepDead: {
    flag: 'keep-dead',
    value: 'time',
    variable: 'ROUNDELAY_KEEP_DEAD',
    preset: '30d',
    concerns: 'serve',
    text: 'how long deployments are kept that something newer has replaced, and their changes told',
  },
  rateLimit: {
    flag: 'rate-limit',
    value: 'network|off',
    variable: 'ROUNDELAY_RATE_LIMIT',
    preset: 'network',
    concerns: 'serve',
    text: 'how often clients may deploy: as on the network, or as often as they like',
  },
} as const satisfies Record<string, Option>

export type ContentOptionName = keyof typeof contentOptions

/** Settings of a content node, as the parts take them. */
export interface ContentConfig {
  readonly peers: readonly string[]
  readonly peersUrl: string | null
  /** `mainnet`, `sepolia` or a contract's address. */
  readonly peersDao: string | null
  /** May hold a key of whoever runs that node: never shown. */
  readonly rpcUrl: string | null
  readonly url: string | null
  /** Without a slash at its end; empty: the root. */
  readonly path: string
  readonly types: ReadonlySet<EntityType>
  readonly isFirst: boolean
  readonly slots: number
  readonly fetches: number
  readonly verifiers: number
  readonly pollMs: number
  readonly snapshotsMs: number
  readonly keepDeadMs: number
  readonly isLimited: boolean
}

/** Null where this is no content node. Throws `bad-input`. */
export function readContentConfig(
  text: (name: ContentOptionName) => string,
  environment: NodeJS.ProcessEnv,
): ContentConfig | null {
  if (!isOn(text('content'))) return null
  const types = list(text('types')).map((type) => {
    if (isEntityType(type)) return type
    throw new SyncError('bad-input', `--types is of ${entityTypes.join(', ')}, not "${type}".`)
  })
  if (types.length === 0) throw new SyncError('bad-input', '--types names at least one kind.')
  const rpcUrl = secretOf(environment['ROUNDELAY_RPC_URL'], text('rpcUrlFile'), 'Ethereum node')
  return {
    peers: list(text('peers')),
    peersUrl: text('peersUrl') || null,
    peersDao: daoOf(text('peersDao'), rpcUrl),
    rpcUrl,
    url: urlOf(text('contentUrl')),
    path: pathOf(text('contentPath')),
    types: new Set(types),
    isFirst: isOn(text('firstNode')),
    slots: whole(text('slotsPeer'), 'slots-peer', { least: 1, most: 1_000 }),
    fetches: whole(text('fetches'), 'fetches', { least: 1, most: 1_000 }),
    verifiers: whole(text('verifiers'), 'verifiers', { least: 1, most: 64 }),
    pollMs: durationMs(text('pollEvery'), { least: '1s' }),
    snapshotsMs: durationMs(text('snapshotsEvery')),
    keepDeadMs: durationMs(text('keepDead'), { most: '3650d' }),
    isLimited: oneOf(text('rateLimit'), 'rate-limit', ['network', 'off'] as const) === 'network',
  }
}

function isOn(text: string): boolean {
  return !['', '0', 'false', 'off', 'no'].includes(text)
}

function daoOf(text: string, rpcUrl: string | null): string | null {
  if (text === '') return null
  if (!/^(?:mainnet|sepolia|0x[\da-fA-F]{40})$/.test(text)) {
    const choices = 'mainnet, sepolia or the address of a contract'
    throw new SyncError('bad-input', `--peers-dao is ${choices}, not "${text}".`)
  }
  if (rpcUrl !== null) return text
  throw new SyncError(
    'bad-input',
    '--peers-dao needs an Ethereum node: --rpc-url-file, or ROUNDELAY_RPC_URL.',
  )
}

function urlOf(text: string): string | null {
  if (text === '') return null
  try {
    return peerUrl(text)
  } catch (thrown) {
    const { message } = asSyncError(thrown)
    const example = 'Write it like https://me.example.org/content.'
    throw new SyncError('bad-input', `--content-url: ${message} ${example}`, { cause: thrown })
  }
}

function pathOf(text: string): string {
  const path = text.replace(/\/+$/, '')
  if (/^\/(?:api|health|metrics)(?:\/|$)/.test(path))
    throw new SyncError('bad-input', `--content-path ${path} would hide what is there already.`)
  if (path === '' || /^(?:\/[\w.~-]+)+$/.test(path)) return path
  throw new SyncError('bad-input', `--content-path is a path such as /content, not "${text}".`)
}
