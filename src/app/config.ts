import { homedir, hostname } from 'node:os'
import { join, resolve } from 'node:path'
import { SyncError } from '../base/errors.ts'
import type { Charge } from '../engine/policy.ts'
import { type ContentConfig, contentOptions, readContentConfig } from './content-options.ts'
import { list, oneOf, secretOf, whole } from './setting-text.ts'

/** One thing that can be set: on the command line, in the environment, or left as it is. */
export interface Option {
  /** As a flag: `--slots-read`. */
  readonly flag: string
  /** What stands for the value in the help; empty: it is on or off. */
  readonly value: string
  readonly variable: string
  readonly preset: string
  /** Whose help tells of it: of every command, of those that do the work, or of `serve` alone. All take it. */
  readonly concerns: 'all' | 'work' | 'serve'
  readonly text: string
}

/** Every setting, in the order of the help. Secrets are not among them: they come from files or the environment, never from arguments. */
export const options = {
  data: {
    flag: 'data',
    value: 'folder',
    variable: 'ROUNDELAY_DATA',
    preset: '',
    concerns: 'all',
    text: 'where the database, the covers and the key are (default: roundelay in the data folder of your account)',
  },
  databaseUrlFile: {
    flag: 'database-url-file',
    value: 'file',
    variable: 'ROUNDELAY_DATABASE_URL_FILE',
    preset: '',
    concerns: 'all',
    text: 'file that holds the address of a PostgreSQL database (DATABASE_URL holds it as well), for one shared by several machines',
  },
  connections: {
    flag: 'connections',
    value: 'number',
    variable: 'ROUNDELAY_CONNECTIONS',
    preset: '8',
    concerns: 'work',
    text: 'connections to PostgreSQL at most, besides one that listens',
  },
  roles: {
    flag: 'roles',
    value: 'list',
    variable: 'ROUNDELAY_ROLES',
    preset: 'api,sync',
    concerns: 'serve',
    text: 'what this process does: answers over HTTP (api), keeps libraries up to date (sync), or both',
  },
  host: {
    flag: 'host',
    value: 'address',
    variable: 'ROUNDELAY_HOST',
    preset: '127.0.0.1',
    concerns: 'serve',
    text: 'address to serve on; any but a loopback address needs an administrator token (ROUNDELAY_TOKEN or --token-file)',
  },
  port: {
    flag: 'port',
    value: 'number',
    variable: 'ROUNDELAY_PORT',
    preset: '8377',
    concerns: 'serve',
    text: 'port to serve on; 0 takes a free one; a process with the role sync alone serves /health and /metrics if a port is named, else nothing',
  },
  names: {
    flag: 'names',
    value: 'list',
    variable: 'ROUNDELAY_NAMES',
    preset: '',
    concerns: 'serve',
    text: 'further host names that browsers may use for this server, separated by commas',
  },
  tokenFile: {
    flag: 'token-file',
    value: 'file',
    variable: 'ROUNDELAY_TOKEN_FILE',
    preset: '',
    concerns: 'serve',
    text: 'file that holds the administrator token',
  },
  allowHosts: {
    flag: 'allow-host',
    value: 'list',
    variable: 'ROUNDELAY_ALLOW_HOSTS',
    preset: '',
    concerns: 'work',
    text: 'private hosts that sources may be on even if no operator typed them: host:port or network/bits, separated by commas',
  },
  slotsList: {
    flag: 'slots-list',
    value: 'number',
    variable: 'ROUNDELAY_SLOTS_LIST',
    preset: '24',
    concerns: 'work',
    text: 'folders and feed pages listed at the same time, over all users',
  },
  slotsRead: {
    flag: 'slots-read',
    value: 'number',
    variable: 'ROUNDELAY_SLOTS_READ',
    preset: '32',
    concerns: 'work',
    text: 'files read at the same time, over all users',
  },
  charge: {
    flag: 'charge',
    value: 'time|tasks',
    variable: 'ROUNDELAY_CHARGE',
    preset: 'time',
    concerns: 'work',
    text: 'what a turn costs a user: the slot time used, or one unit a task',
  },
  parsers: {
    flag: 'parsers',
    value: 'number',
    variable: 'ROUNDELAY_PARSERS',
    preset: '1',
    concerns: 'work',
    text: 'threads that read tags',
  },
  logLevel: {
    flag: 'log-level',
    value: 'level',
    variable: 'ROUNDELAY_LOG_LEVEL',
    preset: 'info',
    concerns: 'serve',
    text: 'what `serve` writes to its log: debug, info, warn, error or silent',
  },
  ...contentOptions,
} as const satisfies Record<string, Option>

export type OptionName = keyof typeof options

/** Settings as they were given: text, unchecked. */
export type Given = Readonly<Partial<Record<OptionName, string>>>

/** Settings as the parts take them. */
export interface Config {
  /** Absolute. */
  readonly dataFolder: string
  /** Of PostgreSQL; null: a file in the data folder. */
  readonly databaseUrl: string | null
  readonly connections: number
  readonly roles: ReadonlySet<Role>
  /** How this process is called where its slots are shown. */
  readonly nodeName: string
  readonly host: string
  readonly port: number
  /** Somebody named the port; otherwise it is the preset. */
  readonly isPortGiven: boolean
  readonly names: readonly string[]
  readonly token: string | null
  readonly allowHosts: readonly string[]
  readonly slots: { readonly list: number; readonly read: number }
  readonly charge: Charge
  readonly parsers: number
  readonly logLevel: LogLevel
  /** Null: it is no content node. */
  readonly content: ContentConfig | null
  /** The master key from ROUNDELAY_KEY, which then is not kept in a file. */
  readonly key: string | null
}

const roles = ['api', 'sync'] as const
export type Role = (typeof roles)[number]

const logLevels = ['debug', 'info', 'warn', 'error', 'silent'] as const
export type LogLevel = (typeof logLevels)[number]

/** Flags win over the environment, which wins over the presets. Throws `bad-input`. */
export function readConfig(given: Given, environment = process.env): Config {
  const text = (name: OptionName): string =>
    given[name] ?? environment[options[name].variable] ?? options[name].preset
  const secret = (file: 'databaseUrlFile' | 'tokenFile', variable: string, what: string) =>
    secretOf(given[file] === undefined ? environment[variable] : undefined, text(file), what)
  return {
    dataFolder: dataFolder(text('data'), environment),
    databaseUrl: secret('databaseUrlFile', 'DATABASE_URL', 'database address'),
    connections: whole(text('connections'), 'connections', { least: 2, most: 100 }),
    roles: rolesOf(list(text('roles'))),
    nodeName: `${hostname()}:${process.pid}`,
    host: text('host'),
    port: whole(text('port'), 'port', { least: 0, most: 65_535 }),
    isPortGiven: (given.port ?? environment[options.port.variable]) !== undefined,
    names: list(text('names')),
    token: secret('tokenFile', 'ROUNDELAY_TOKEN', 'token'),
    allowHosts: list(text('allowHosts')),
    slots: {
      list: whole(text('slotsList'), 'slots-list', { least: 1, most: 1_000 }),
      read: whole(text('slotsRead'), 'slots-read', { least: 1, most: 1_000 }),
    },
    charge: oneOf(text('charge'), 'charge', ['time', 'tasks'] as const),
    parsers: whole(text('parsers'), 'parsers', { least: 1, most: 16 }),
    logLevel: oneOf(text('logLevel'), 'log-level', logLevels),
    content: readContentConfig(text, environment),
    key: environment['ROUNDELAY_KEY'] ?? null,
  }
}

function dataFolder(given: string, environment: NodeJS.ProcessEnv): string {
  if (given !== '') return resolve(given)
  const base = environment['XDG_DATA_HOME'] ?? join(homedir(), '.local', 'share')
  return join(base, 'roundelay')
}

function rolesOf(given: readonly string[]): ReadonlySet<Role> {
  if (given.length === 0) throw new SyncError('bad-input', '--roles names at least one role.')
  return new Set(given.map((role) => oneOf(role, 'roles', roles)))
}
