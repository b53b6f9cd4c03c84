import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chown, mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Writable } from 'node:stream'
import { promisify } from 'node:util'
import type { Certificate } from './certificate.ts'
import { findPrograms, passable, type PostgresPrograms } from './postgres-programs.ts'
import { freePort } from './process.ts'

export interface PostgresOptions {
  /** Those to run; by default what is found. */
  readonly programs?: PostgresPrograms
  /** Whether a commit waits for the disk. By default it does not: nothing outlives a test. */
  readonly fsync?: boolean
  readonly maxConnections?: number
  /** As PostgreSQL writes it: `128MB`. */
  readonly sharedBuffers?: string
  /** With one it speaks TLS, too. */
  readonly certificate?: Certificate
  /** Further settings of the server. */
  readonly settings?: Readonly<Record<string, string>>
}

/**
 * A PostgreSQL of our own, on a free port of the loopback, with a password nobody knows. Its orders are those of a
 * language (ICU, en-US), as they are where people install it, and not those of bytes.
 */
export interface PostgresServer {
  /** Of its superuser and the database `postgres`. */
  readonly url: string
  readonly programs: PostgresPrograms
  /** Everything it has said. */
  log(): Promise<string>
  /** Ends it as an operator (`INT`: open transactions are undone) or a loss of power (`QUIT`) would; its data stays. */
  halt(signal: 'INT' | 'QUIT'): Promise<void>
  /** Starts it again at the same address. */
  resume(): Promise<void>
  /** Ends it and removes its data. Not necessary: it ends with the process that started it, however that one ends. */
  stop(): Promise<void>
}

export async function startPostgres(options: PostgresOptions = {}): Promise<PostgresServer> {
  const dir = await mkdtemp(join(tmpdir(), 'roundelay-postgres-'))
  try {
    const identity = await unprivileged()
    if (identity !== null) await chown(dir, identity.uid, identity.gid)
    const programs = await passable(options.programs ?? (await findPrograms()), dir)
    const home = { dir, identity, programs, options, password: randomBytes(16).toString('hex') }
    await initialise(home)
    await installCertificate(home)
    return await startAtFreePort(home)
  } catch (thrown) {
    await rm(dir, { recursive: true, force: true })
    throw thrown
  }
}

interface Identity {
  readonly uid: number
  readonly gid: number
}

/** What a server is made of, wherever it listens. */
interface Home {
  readonly dir: string
  readonly programs: PostgresPrograms
  readonly options: PostgresOptions
  readonly password: string
  /** Whom it runs as, if not as ourselves. */
  readonly identity: Identity | null
}

/** PostgreSQL refuses to run as root; whoever is not root runs it as himself. */
async function unprivileged(): Promise<Identity | null> {
  if (process.getuid?.() !== 0) return null
  const users = await readFile('/etc/passwd', 'utf8')
  const [, uid, gid] = /^postgres:[^:]*:(\d+):(\d+):/m.exec(users) ?? []
  return uid === undefined ? { uid: nobody, gid: nobody } : { uid: Number(uid), gid: Number(gid) }
}

const nobody = 65_534

/** The rest of the environment is nobody's business, and would change the orders and the messages. */
const environment = { PATH: process.env['PATH'] ?? '', LC_ALL: 'C', TZ: 'UTC' }

async function initialise({ dir, identity, programs, password }: Home): Promise<void> {
  const passwordFile = join(dir, 'password')
  await writeFile(passwordFile, password, { mode: 0o600 })
  if (identity !== null) await chown(passwordFile, identity.uid, identity.gid)
  const where = ['-D', join(dir, 'data'), '-U', 'roundelay', `--pwfile=${passwordFile}`]
  const how = ['--no-sync', '--auth=scram-sha-256', '--encoding=UTF8', '--locale=C']
  const args = [...where, ...how, '--locale-provider=icu', '--icu-locale=en-US']
  const spawning = { cwd: dir, env: environment, ...identity }
  await promisify(execFile)(join(programs.bin, 'initdb'), args, spawning)
  await rm(passwordFile)
}

async function installCertificate({ dir, identity, options }: Home): Promise<void> {
  const { certificate: pair } = options
  if (pair === undefined) return
  for (const [name, text] of [
    ['server.crt', pair.certificate],
    ['server.key', pair.privateKey],
  ] as const) {
    const file = join(dir, 'data', name)
    await writeFile(file, text, { mode: 0o600 })
    if (identity !== null) await chown(file, identity.uid, identity.gid)
  }
}

async function startAtFreePort(home: Home): Promise<PostgresServer> {
  for (let tries = 1; ; tries++) {
    const port = await freePort()
    try {
      return await startAt(home, port, await launch(home, port))
    } catch (thrown) {
      // Somebody else may have taken the port in the meantime.
      const isTaken = (await logOf(home)).includes('could not bind')
      if (!isTaken || tries === maxPorts) throw thrown
    }
  }
}

const maxPorts = 5

async function startAt(home: Home, port: number, first: Running): Promise<PostgresServer> {
  let running: Running | null = first
  const halt = async (signal: 'INT' | 'QUIT'): Promise<void> => {
    await running?.end(signal)
    running = null
  }
  return {
    url: `postgres://roundelay:${home.password}@127.0.0.1:${port}/postgres`,
    programs: home.programs,
    log: () => logOf(home),
    halt,
    async resume() {
      running ??= await launch(home, port)
    },
    async stop() {
      await halt('QUIT')
      await rm(home.dir, { recursive: true, force: true })
    },
  }
}

async function logOf({ dir }: Home): Promise<string> {
  return readFile(join(dir, 'log'), 'utf8').catch(() => '')
}

interface Running {
  end(signal: 'INT' | 'QUIT'): Promise<void>
}

/**
 * Stands between this process and the server, in a session of its own. It listens to a pipe: a word is the signal to
 * send to the server; when the pipe breaks, whoever held it is dead, and server and data go.
 */
const watcher = `dir=$1; shift
"$@" 3<&- & server=$!
{ if read -r signal <&3; then kill -"$signal" $server; exit 0; else kill -QUIT $server; exit 1; fi; } 2>&- & reader=$!
wait $server; code=$?
kill $reader 2>&-
wait $reader; [ $? = 1 ] && cd / && rm -rf "$dir"
exit $code`

async function launch(home: Home, port: number): Promise<Running> {
  const { dir, programs, identity } = home
  await rm(join(dir, 'data', 'postmaster.pid'), { force: true })
  const log = await open(join(dir, 'log'), 'a')
  const command = [join(programs.bin, 'postgres'), '-D', join(dir, 'data'), ...settings(home, port)]
  const child = spawn('/bin/sh', ['-c', watcher, 'sh', dir, ...command], {
    cwd: dir,
    env: environment,
    detached: true,
    stdio: ['ignore', log.fd, log.fd, 'pipe'],
    ...identity,
  })
  await log.close()
  const [, , , pipe] = child.stdio as unknown as [null, null, null, Writable & { unref(): void }]
  pipe.on('error', () => undefined)
  // Neither keeps this process alive.
  child.unref()
  pipe.unref()
  const exit = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  await ready(home, child)
  return {
    async end(signal) {
      child.ref()
      pipe.write(`${signal}\n`)
      await exit
      pipe.destroy()
    },
  }
}

function settings({ options }: Home, port: number): string[] {
  const isDurable = options.fsync ?? false
  const all: Record<string, string> = {
    port: String(port),
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    max_connections: String(options.maxConnections ?? 100),
    shared_buffers: options.sharedBuffers ?? '64MB',
    fsync: isDurable ? 'on' : 'off',
    full_page_writes: isDurable ? 'on' : 'off',
    log_connections: 'on',
    ssl: options.certificate === undefined ? 'off' : 'on',
    ...options.settings,
  }
  return Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`])
}

/** It writes into a file how far it is: the eighth line says whether it answers. */
async function ready(home: Home, child: ChildProcess): Promise<void> {
  for (let tries = 0; tries < maxTries; tries++) {
    if (child.exitCode !== null || child.signalCode !== null) break
    const lines = await readFile(join(home.dir, 'data', 'postmaster.pid'), 'utf8').catch(() => '')
    if (lines.split('\n')[7]?.trim() === 'ready') return
    await new Promise((resolve) => setTimeout(resolve, tryMs))
  }
  throw new Error(`PostgreSQL of ${home.programs.bin} did not start: ${await logOf(home)}`)
}

/** So often, and so long between, it is looked for: a minute in all. */
const maxTries = 2_400
const tryMs = 25
